package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	stdhash "hash"
	"io"
	"net/textproto"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// scale is the load during a restart.
type scale struct {
	interval time.Duration // between restarts
	size     int64         // of the upload
	rate     int           // of the upload, bytes per second
	logins   int           // per second
	idle     int           // sessions
	grace    time.Duration
	bad      int // binaries
}

func scaled() scale {
	if full() {
		return scale{5 * time.Second, 1 << 30, 35 << 20, 100, 200, 10 * time.Second, 20}
	}
	return scale{100 * time.Millisecond, 24 << 20, 4 << 20, 20, 20, time.Second, 4}
}

// load logs in, lists and quits, again and again.
type load struct {
	done   atomic.Int64
	mu     sync.Mutex
	failed []error
	all    sync.WaitGroup
	cancel context.CancelFunc
}

func (p *program) load(perSecond int) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel}
	pace := rate.NewLimiter(rate.Limit(perSecond), 1)
	l.all.Go(func() {
		for pace.Wait(ctx) == nil {
			l.all.Go(func() { l.note(visit(p.addr)) })
		}
	})
	p.t.Cleanup(cancel)
	return l
}

func (l *load) note(err error) {
	l.done.Add(1)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed = append(l.failed, err)
	}
}

// requireNoFailure ends the load.
func (l *load) requireNoFailure(t *testing.T) {
	t.Helper()
	l.cancel()
	l.all.Wait()
	require.Empty(t, l.failed)
	require.Positive(t, l.done.Load())
	t.Logf("%d visits", l.done.Load())
}

func visit(addr string) error {
	c, err := ftp.Dial(addr, ftp.DialWithTimeout(patience))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if err := c.Login("auser", "secret"); err != nil {
		c.Quit()
		return fmt.Errorf("login: %w", err)
	}
	if _, err := c.List("/"); err != nil {
		c.Quit()
		return fmt.Errorf("list: %w", err)
	}
	return c.Quit()
}

// pacedUpload sends random bytes at a given rate and keeps their digest. It holds back the
// last bytes until release, however long that takes.
type pacedUpload struct {
	pace    *rate.Limiter
	release <-chan struct{}
	sum     stdhash.Hash
	left    int64
	x       uint64
}

func (u *pacedUpload) Read(p []byte) (int, error) {
	if u.left == 0 {
		return 0, io.EOF
	}
	if u.left <= 64<<10 {
		<-u.release
	}
	p = p[:min(int64(len(p)), u.left, 64<<10)]
	u.pace.WaitN(context.Background(), len(p))
	for i := range p {
		u.x ^= u.x << 13
		u.x ^= u.x >> 7
		u.x ^= u.x << 17
		p[i] = byte(u.x)
	}
	u.sum.Write(p)
	u.left -= int64(len(p))
	return len(p), nil
}

func TestFiveRestartsLoseNobody(t *testing.T) {
	s := scaled()
	p := launch(t, "-restart-grace", s.grace.String())
	visitors := p.load(s.logins)
	var idle []*ftp.ServerConn
	for range s.idle {
		idle = append(idle, p.login())
	}
	restarting, restarted := context.WithCancel(t.Context())
	defer restarted()
	up := &pacedUpload{
		pace:    rate.NewLimiter(rate.Limit(s.rate), 64<<10),
		release: restarting.Done(),
		sum:     sha256.New(),
		left:    s.size,
		x:       1,
	}
	uploaded := make(chan error, 1)
	client := p.login()
	go func() { uploaded <- client.Stor("big", up) }()

	pause := time.NewTicker(s.interval)
	defer pause.Stop()
	for range 5 {
		<-pause.C
		p.restart()
	}
	require.Empty(t, uploaded, "the upload outlives all restarts")
	restarted()
	require.NoError(t, <-uploaded, "226")
	p.requireUploaded("big", up.sum)
	for _, c := range idle {
		requireGoodbyeOrService(t, c)
	}
	visitors.requireNoFailure(t)
	p.until("one process is left", func() bool { return len(p.processes()) == 1 })
	require.Equal(t, p.processes(), []int{p.pid()})
	requireAsFresh(t, p)
}

func (p *program) requireUploaded(name string, sum stdhash.Hash) {
	p.t.Helper()
	f, err := os.Open(filepath.Join(p.root, name))
	require.NoError(p.t, err)
	defer f.Close()
	stored := sha256.New()
	_, err = io.Copy(stored, f)
	require.NoError(p.t, err)
	require.Equal(p.t, sum.Sum(nil), stored.Sum(nil))
}

// requireGoodbyeOrService accepts a session that works and one that got 421, but not one that
// was cut off.
func requireGoodbyeOrService(t *testing.T, c *ftp.ServerConn) {
	t.Helper()
	err := c.NoOp()
	var reply *textproto.Error
	if errors.As(err, &reply) {
		require.Equal(t, ftp.StatusNotAvailable, reply.Code)
	} else {
		require.NoError(t, err)
	}
	c.Quit()
}

// requireAsFresh compares a process that has been through a lot with a new one
// that has served one client.
func requireAsFresh(t *testing.T, p *program) {
	t.Helper()
	fresh := launch(t)
	require.NoError(t, visit(fresh.addr))
	require.NoError(t, visit(p.addr))
	want := func() map[string]int { return descriptors(t, fresh.pid()) }
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, want(), descriptors(t, p.pid()))
		assert.Equal(c, fresh.gauge("go_goroutines"), p.gauge("go_goroutines"))
		assert.Equal(c, fresh.gauge("process_open_fds"), p.gauge("process_open_fds"))
	}, patience, 50*time.Millisecond)
}

func TestABadBinaryChangesNothing(t *testing.T) {
	s := scaled()
	p := launch(t, "-restart-timeout", "1s")
	visitors := p.load(s.logins)
	kept := p.login()
	pid := p.pid()
	scripts := []string{"exit 1", "kill -SEGV $$", "exec sleep 600", "echo this is no server"}
	for i := range s.bad {
		p.replace("#!/bin/sh\n" + scripts[i%len(scripts)] + "\n")
		p.signal(syscall.SIGUSR2)
		p.logged("restart failed", i+1)
		require.Equal(t, pid, p.pid())
		require.NoError(t, kept.NoOp())
	}
	visitors.requireNoFailure(t)
	require.Equal(t, []int{pid}, p.processes())
	p.restore()
	p.restart()
	require.NoError(t, visit(p.addr))
}

// replace replaces the executable as an update does.
func (p *program) replace(script string) {
	p.t.Helper()
	require.NoError(p.t, os.WriteFile(p.path+".new", []byte(script), 0o755))
	require.NoError(p.t, os.Rename(p.path+".new", p.path))
}

func (p *program) restore() {
	p.t.Helper()
	self, err := os.Executable()
	require.NoError(p.t, err)
	require.NoError(p.t, os.Symlink(self, p.path+".new"))
	require.NoError(p.t, os.Rename(p.path+".new", p.path))
}

func TestABadConfigurationChangesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paradise.toml")
	require.NoError(t, os.WriteFile(file, []byte("idle-timeout = \"1m\"\n"), 0o600))
	p := launch(t, "-config", file)
	pid := p.pid()
	require.NoError(t, os.WriteFile(file, []byte("idle-timeout = \"1m\"\nidel = 1\n"), 0o600))
	p.signal(syscall.SIGUSR2)
	p.logged("line 2: idel: unknown key", 1)
	p.logged("restart failed", 1)
	require.Equal(t, pid, p.pid())
	require.NoError(t, visit(p.addr))
}

func TestSeveralGenerationsDrainAtOnce(t *testing.T) {
	p := launch(t, "-restart-grace", "1s")
	var uploads []*slowUpload
	for i := range 3 {
		uploads = append(uploads, p.upload(p.login(), fmt.Sprintf("f%d", i)))
		p.restart()
	}
	require.Len(t, p.processes(), 4)
	for i, u := range uploads {
		require.NoError(t, u.finish())
		p.until("the old process has gone", func() bool { return len(p.processes()) == 3-i })
	}
	require.NoError(t, visit(p.addr))
}

func TestTheMonitorShowsGenerationsThatDrain(t *testing.T) {
	p := launch(t, "-restart-grace", "1s")
	old := p.pid()
	u := p.upload(p.login(), "f")
	p.restart()
	out := p.who()
	require.Contains(t, out, fmt.Sprintf("Process %d drains: 1 client(s), 1 transfer(s)", old))
	require.Regexp(t, `auser +127\.0\.0\.1:\d+ .* STOR .* /f`, out)
	s, err := (&viewer{addr: p.monitor}).stats()
	require.NoError(t, err)
	require.Len(t, s.Generations, 1)
	require.Equal(t, old, s.Generations[0].PID)
	require.True(t, s.Generations[0].Started.Before(s.Started), "it is the older one")
	require.EqualValues(t, 1, s.Generations[0].Transfers)
	p.restart()
	p.until("the second has gone, the first has not", func() bool {
		s, err := (&viewer{addr: p.monitor}).stats()
		return err == nil && len(s.Generations) == 1 && s.Generations[0].PID == old
	})
	require.NoError(t, u.finish())
	p.until("it is no longer shown", func() bool { return !contains(p.who(), "drains") })
}
