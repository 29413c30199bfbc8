package endurance

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// killedFile is one name and the contents that its file may have.
type killedFile struct {
	name  string
	rnd   *rand.Rand
	now   []byte // acknowledged by 226, or seen after a kill; nil: there is none
	next  []byte // sent since, without a reply
	acked int
}

func TestKilledServerLeavesWholeFiles(t *testing.T) {
	const writers = 4
	rnd := random(t)
	dir := t.TempDir()
	files := make([]*killedFile, writers)
	for i := range files {
		files[i] = &killedFile{name: fmt.Sprintf("f%d", i), rnd: rand.New(rand.NewPCG(rnd.Uint64(), 0))}
	}
	leftovers, acked := 0, 0
	for range scaled(2000) {
		var env []string
		if rnd.IntN(4) == 0 {
			env = append(env, envDurable+"=1")
		}
		leftovers += len(hidden(t, dir))
		c := startChild(t, dir, env...)
		holdNoTemporaries(t, dir)
		for _, f := range files {
			f.hold(t, dir)
		}
		killWhileUploading(c, files, time.Duration(rnd.Int64N(int64(25*time.Millisecond))))
	}
	c := startChild(t, dir)
	holdNoTemporaries(t, dir)
	c.kill()
	for _, f := range files {
		f.hold(t, dir)
		acked += f.acked
	}
	t.Logf("%d kills, %d uploads acknowledged, %d leftovers swept", scaled(2000), acked, leftovers)
	require.NotZero(t, acked, "no upload ever ended")
}

// killWhileUploading lets all clients upload again and again, and kills the server at a
// random moment.
func killWhileUploading(c *child, files []*killedFile, after time.Duration) {
	var all sync.WaitGroup
	begun := make(chan struct{}, len(files))
	for _, f := range files {
		all.Go(func() { f.upload(c.addr, begun) })
	}
	for range files {
		<-begun
	}
	<-time.After(after)
	c.kill()
	all.Wait()
}

// upload uploads again and again until the server dies.
func (f *killedFile) upload(addr string, begun chan<- struct{}) {
	c, err := login(addr)
	begun <- struct{}{}
	if err != nil {
		return
	}
	defer c.conn.Close()
	for f.once(c) {
	}
}

// once uploads in one of several ways, and reports whether it got its 226.
func (f *killedFile) once(c *client) bool {
	data := content(f.rnd, f.rnd.IntN(200<<10))
	command, next := "STOR "+f.name, data
	if keep := len(f.now); keep > 0 && keep < 400<<10 {
		switch f.rnd.IntN(4) {
		case 0:
			command, next = "APPE "+f.name, slices.Concat(f.now, data)
		case 1:
			keep = 1 + f.rnd.IntN(keep)
			if c.want(350, fmt.Sprintf("REST %d", keep)) != nil {
				return false
			}
			next = slices.Concat(f.now[:keep], data)
		}
	}
	f.next = next
	code, _, err := c.store(command, data)
	if err != nil || code != 226 {
		return false
	}
	f.now, f.next = next, nil
	f.acked++
	return true
}

// hold fails if the file is neither the one that was acknowledged last nor the one that was
// being uploaded.
func (f *killedFile) hold(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, f.name))
	if os.IsNotExist(err) {
		require.Nil(t, f.now, "%s was acknowledged and is gone", f.name)
		f.next = nil
		return
	}
	require.NoError(t, err)
	isOld := f.now != nil && bytes.Equal(b, f.now)
	isNew := f.next != nil && bytes.Equal(b, f.next)
	require.True(t, isOld || isNew, "%s has %d bytes: neither the %d acknowledged nor the %d under way", f.name, len(b),
		len(f.now), len(f.next))
	f.now, f.next = b, nil
	if f.now == nil {
		f.now = []byte{}
	}
}
