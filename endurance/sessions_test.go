package endurance

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// warm makes the runtime open the descriptors that it opens only once.
func warm(t *testing.T) {
	t.Helper()
	s := serve(t, t.TempDir(), nil)
	use(t, s)
	s.stop(t)
}

// use makes a server open the descriptors that it keeps open. Replacing a file creates the
// register of temporaries.
func use(t *testing.T, s *server) {
	t.Helper()
	c := must(t, s.Addr)
	for range 2 {
		stores(t, c, 226, "STOR f0", []byte("x"))
	}
	require.NoError(t, c.quit())
}

func TestManySessionsLeaveNothing(t *testing.T) {
	n := scaled(1000)
	rnd := random(t)
	dir := t.TempDir()
	warm(t)
	before := atRest(t)
	s := serve(t, dir, nil)
	use(t, s)
	serving := settled(t)

	data := content(rnd, 64<<10)
	together := newBarrier(n)
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- visit(s.Addr, fmt.Sprintf("f%d", i), data, together) }()
	}
	for range n {
		require.NoError(t, <-errs)
	}
	serving.hold(t)
	for i := range n {
		holdsFile(t, data, dir, fmt.Sprintf("f%d", i))
	}
	s.stop(t)
	holdNoTemporaries(t, dir)
	before.hold(t)
}

// visit logs in, waits for all others, uploads, lists and leaves.
func visit(addr, name string, data []byte, together *barrier) error {
	c, err := login(addr)
	together.wait()
	if err != nil {
		return err
	}
	defer c.conn.Close()
	code, text, err := c.store("STOR "+name, data)
	if err != nil || code != 226 {
		return fmt.Errorf("STOR: %q, %w", text, err)
	}
	var list bytes.Buffer
	code, text, err = c.fetch("MLSD", &list)
	if err != nil || code != 226 {
		return fmt.Errorf("MLSD: %q, %w", text, err)
	}
	if !strings.Contains(list.String(), " "+name+"\r\n") {
		return fmt.Errorf("%s is not in the listing", name)
	}
	return c.quit()
}

// barrier makes everybody wait until all have arrived.
type barrier struct {
	mu   sync.Mutex
	left int
	open chan struct{}
}

func newBarrier(n int) *barrier { return &barrier{left: n, open: make(chan struct{})} }

func (b *barrier) wait() {
	b.mu.Lock()
	if b.left--; b.left == 0 {
		close(b.open)
	}
	b.mu.Unlock()
	<-b.open
}

func TestManyKilledClientsLeaveNothing(t *testing.T) {
	const together = 32
	rnd := random(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "big"), make([]byte, 8<<20), 0o644))
	warm(t)
	before := atRest(t)
	s := serve(t, dir, nil)
	use(t, s)
	serving := settled(t)

	steps := make(chan uint64, scaled(1000))
	for range cap(steps) {
		steps <- rnd.Uint64()
	}
	close(steps)
	var all sync.WaitGroup
	for i := range together {
		all.Go(func() {
			for seed := range steps {
				dieSomewhere(s.Addr, i, rand.New(rand.NewPCG(seed, 0)))
			}
		})
	}
	all.Wait()
	require.NoError(t, await(20*time.Second, func() bool { return len(s.Config.Stats().Sessions) == 0 }))
	serving.hold(t)
	st := s.Config.Stats()
	require.Zero(t, st.PassiveListeners)
	require.Zero(t, st.Uploads.Running+st.Downloads.Running+st.Listings.Running)
	require.NotZero(t, st.Uploads.Failed)
	for _, e := range files(t, dir) {
		require.True(t, e == "big" || strings.HasPrefix(e, "f"), e)
	}
	s.stop(t)
	holdNoTemporaries(t, dir)
	before.hold(t)
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".paradise-") {
			names = append(names, e.Name())
		}
	}
	return names
}

// dieSomewhere runs a client whose process ends at a random point.
func dieSomewhere(addr string, i int, rnd *rand.Rand) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	c := &client{conn: conn, wait: dialWait}
	var data net.Conn
	defer func() {
		for _, nc := range []net.Conn{data, conn} {
			if nc == nil {
				continue
			}
			if rnd.IntN(2) == 0 {
				nc.(*net.TCPConn).SetLinger(0)
			}
			nc.Close()
		}
	}()
	points := []func() error{
		func() (err error) { c, err = dialOn(conn); return err },
		func() error { return c.want(331, "USER auser") },
		func() error { return c.want(230, "PASS secret") },
		func() error { return c.send("EPSV") },
		func() error { _, _, err := c.reply(); return err },
		func() (err error) { data, err = c.data(); return err },
		func() error {
			return c.want(150, []string{fmt.Sprintf("STOR f%d", i), "RETR big", "MLSD", fmt.Sprintf("APPE f%d", i)}[rnd.IntN(4)])
		},
		func() error { data.SetDeadline(time.Now().Add(dialWait)); return nil },
		func() error { _, err := data.Write(make([]byte, rnd.IntN(300<<10))); return err },
		func() error { return c.send("ABOR") },
	}
	for _, step := range points[:rnd.IntN(len(points)+1)] {
		if step() != nil {
			return
		}
	}
}

// dialOn reads the greeting of a connection.
func dialOn(conn net.Conn) (*client, error) {
	c := &client{conn: conn, lines: newLines(conn), wait: dialWait}
	return c, c.want(220, "")
}

func TestShutdownLetsTransfersEndAndLeavesNothing(t *testing.T) {
	const each = 10
	rnd := random(t)
	dir := t.TempDir()
	big := content(rnd, 12<<20) // more than fits into the sockets' buffers
	some := big[:1<<20]
	require.NoError(t, os.WriteFile(filepath.Join(dir, "big"), big, 0o644))
	warm(t)
	before := atRest(t)
	s := serve(t, dir, nil)

	idle := make([]*client, each)
	for i := range idle {
		idle[i] = must(t, s.Addr)
	}
	var all sync.WaitGroup
	errs := make(chan error, 2*each)
	half, resume := newBarrier(2*each+1), make(chan struct{})
	for i := range each {
		all.Go(func() { errs <- uploadInTwo(s.Addr, fmt.Sprintf("f%d", i), some, half, resume) })
		all.Go(func() { errs <- downloadInTwo(s.Addr, big, half, resume) })
	}
	half.wait()
	ended := make(chan error, 1)
	go func() { ended <- s.Config.Shutdown(t.Context()) }()
	for _, c := range idle {
		require.NoError(t, c.want(421, ""))
		_, err := c.lines.ReadByte()
		require.ErrorIs(t, err, io.EOF)
		c.conn.Close()
	}
	_, err := net.Dial("tcp", s.Addr)
	require.Error(t, err, "the listener must be closed")
	require.Empty(t, ended, "transfers are waited for")
	close(resume)
	all.Wait()
	for range 2 * each {
		require.NoError(t, <-errs)
	}
	require.NoError(t, <-ended)
	for i := range each {
		holdsFile(t, some, dir, fmt.Sprintf("f%d", i))
	}
	s.stop(t)
	holdNoTemporaries(t, dir)
	before.hold(t)
}

// uploadInTwo uploads one half of a file, waits, and uploads the other half. 226 and 421 must
// follow.
func uploadInTwo(addr, name string, data []byte, half *barrier, resume <-chan struct{}) error {
	c, d, err := begin(addr, "STOR "+name)
	if err == nil {
		defer c.conn.Close()
		_, err = d.Write(data[:len(data)/2])
	}
	half.wait()
	if err != nil {
		return err
	}
	<-resume
	if _, err := d.Write(data[len(data)/2:]); err != nil {
		return err
	}
	d.Close()
	if err := c.want(226, ""); err != nil {
		return err
	}
	return c.want(421, "")
}

func downloadInTwo(addr string, want []byte, half *barrier, resume <-chan struct{}) error {
	c, d, err := begin(addr, "RETR big")
	var got bytes.Buffer
	if err == nil {
		defer c.conn.Close()
		defer d.Close()
		_, err = io.CopyN(&got, d, 1<<10)
	}
	half.wait()
	if err != nil {
		return err
	}
	<-resume
	if _, err := got.ReadFrom(d); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), want) {
		return fmt.Errorf("%d bytes came, not the %d", got.Len(), len(want))
	}
	if err := c.want(226, ""); err != nil {
		return err
	}
	return c.want(421, "")
}

// begin logs in and starts a transfer.
func begin(addr, command string) (*client, net.Conn, error) {
	c, err := login(addr)
	if err != nil {
		return nil, nil, err
	}
	d, err := c.data()
	if err == nil {
		d.SetDeadline(time.Now().Add(dialWait))
		err = c.want(150, command)
	}
	return c, d, err
}
