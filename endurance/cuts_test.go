package endurance

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/faultproxy"
	"github.com/paradiseftp/paradise/paradisetest"
)

// where says where an upload is cut.
type where int

const (
	cutData    where = iota // the data connection, at one of its bytes
	cutControl              // the control connection, at one of its bytes
	cutDuring               // the control connection, at a byte of the data
	cutBoth                 // both, at a byte of the data, as when a router dies
	wheres
)

func (w where) String() string {
	return [...]string{"data", "control", "control during data", "both"}[w]
}

// point is one upload and its cut.
type point struct {
	where  where
	fault  faultproxy.Fault
	after  int64
	secure bool
	allo   bool
	verb   string
	data   []byte
}

func randomPoint(rnd *rand.Rand) point {
	p := point{
		where:  where(rnd.IntN(int(wheres))),
		fault:  faultproxy.FIN + faultproxy.Fault(rnd.IntN(3)),
		secure: rnd.IntN(2) == 0,
		allo:   rnd.IntN(2) == 0,
		verb:   []string{"STOR", "STOR", "APPE", "REST"}[rnd.IntN(4)],
		data:   content(rnd, 1+rnd.IntN(150<<10)),
	}
	// A FIN on a data connection in the clear looks like the end of a file, so the client
	// must announce the size.
	if p.where == cutData && p.fault == faultproxy.FIN && !p.secure {
		p.allo = true
	}
	p.after = rnd.Int64N(int64(len(p.data)) + 1)
	if p.where == cutControl {
		p.after = rnd.Int64N(130)
		if p.secure {
			p.after = rnd.Int64N(2000)
		}
	}
	return p
}

func TestCutsPublishNothingThatIsNotWhole(t *testing.T) {
	const workers = 16
	rnd := random(t)
	dir := t.TempDir()
	warm(t)
	before := atRest(t)

	live := newLive()
	cert := paradisetest.Certificate(t)
	s := serve(t, dir, func(srv *paradise.Server) {
		accounts := paradise.Accounts{}
		for i := range workers {
			accounts[fmt.Sprintf("w%d", i)] = "secret"
		}
		srv.Auth = accounts
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		srv.Policy.TLS = paradise.TLSOptional
		srv.Policy.RequireALLO = true
		srv.Timeouts = paradise.Timeouts{Stall: 200 * time.Millisecond, Data: time.Second, Reply: time.Second,
			Handshake: time.Second}
		srv.Hooks.Login = live.login
		srv.Hooks.Disconnect = live.disconnect
	})
	runs := make([]*cutter, workers)
	var all sync.WaitGroup
	for i := range runs {
		runs[i] = &cutter{user: fmt.Sprintf("w%d", i), s: s, live: live, rnd: rand.New(rand.NewPCG(rnd.Uint64(), 0)),
			seen: map[string]int{}}
		n := scaled(5000)/workers + 1
		all.Go(func() { runs[i].run(n) })
	}
	all.Wait()
	seen := map[string]int{}
	for _, r := range runs {
		require.NoError(t, r.err)
		for k, n := range r.seen {
			seen[k] += n
		}
	}
	t.Logf("outcomes: %v", seen)
	require.NotZero(t, seen["acknowledged"])
	require.NotZero(t, seen["refused or lost"])
	s.stop(t)
	holdNoTemporaries(t, dir)
	before.hold(t)
}

// cutter makes cut after cut at uploads to one name.
type cutter struct {
	user string
	s    *server
	live *live
	rnd  *rand.Rand
	now  []byte // the content of the file; nil: there is no file
	seen map[string]int
	err  error
}

func (r *cutter) run(points int) {
	for range points {
		p := randomPoint(r.rnd)
		if err := r.point(p); err != nil {
			r.err = fmt.Errorf("%s of %d bytes, cut at %s by %v after %d (TLS %v, ALLO %v): %w",
				p.verb, len(p.data), p.where, p.fault, p.after, p.secure, p.allo, err)
			return
		}
	}
}

func (r *cutter) point(p point) error {
	links := &cutLinks{p: p}
	next, acked := r.upload(p, links)
	links.close()
	r.live.gone(r.user)

	b, err := os.ReadFile(filepath.Join(r.s.dir, r.user))
	switch {
	case os.IsNotExist(err):
		b = nil
	case err != nil:
		return err
	}
	isNew := bytes.Equal(b, next)
	switch {
	case acked && !isNew:
		return fmt.Errorf("226 was sent, but the file has %d bytes and not the %d", len(b), len(next))
	case !isNew && !bytes.Equal(b, r.now):
		return fmt.Errorf("the file has %d bytes: neither the old %d nor the new %d", len(b), len(r.now), len(next))
	case acked:
		r.seen["acknowledged"]++
	case isNew:
		r.seen["whole without a reply"]++
	default:
		r.seen["refused or lost"]++
	}
	// A client that loses both connections in the middle has not sent a whole file.
	if p.where == cutBoth && p.after < int64(len(p.data)) && !p.secure && isNew && !bytes.Equal(next, r.now) {
		return fmt.Errorf("a part was taken for the whole")
	}
	r.now = b
	return nil
}

// upload returns the content that the file must have if the upload succeeds, and whether
// the server has acknowledged it.
func (r *cutter) upload(p point, links *cutLinks) (next []byte, acked bool) {
	next, command := p.data, "STOR "+r.user
	keep := 0
	if n := len(r.now); n > 0 && n < 300<<10 {
		switch p.verb {
		case "APPE":
			command, keep = "APPE "+r.user, n
		case "REST":
			keep = 1 + r.rnd.IntN(n)
		}
	}
	next = slices.Concat(r.now[:keep], p.data)
	addr, err := links.control(r.s.Addr)
	if err != nil {
		return next, false
	}
	c, err := dial(addr, 600*time.Millisecond)
	if err != nil {
		return next, false
	}
	defer c.conn.Close()
	c.through = links.data
	if p.secure && c.secure() != nil {
		return next, false
	}
	if c.login(r.user) != nil {
		return next, false
	}
	if p.allo && c.want(200, fmt.Sprintf("ALLO %d", len(p.data))) != nil {
		return next, false
	}
	if p.verb == "REST" && keep > 0 && c.want(350, fmt.Sprintf("REST %d", keep)) != nil {
		return next, false
	}
	code, _, err := c.store(command, p.data)
	return next, err == nil && code == 226
}

// cutLinks are the two connections of one upload.
type cutLinks struct {
	p     point
	ctl   *faultproxy.Link
	links []*faultproxy.Link
}

func (l *cutLinks) control(target string) (string, error) {
	fault := faultproxy.None
	if l.p.where == cutControl {
		fault = l.p.fault
	}
	link, err := faultproxy.Open(target, fault, l.p.after, nil)
	if err != nil {
		return "", err
	}
	l.ctl = link
	l.links = append(l.links, link)
	return link.Addr(), nil
}

func (l *cutLinks) data(target string) (string, error) {
	fault := faultproxy.None
	var hook func()
	switch l.p.where {
	case cutData:
		fault = l.p.fault
	case cutDuring:
		hook = func() { l.ctl.Break(l.p.fault) }
	case cutBoth:
		fault = l.p.fault
		hook = func() { l.ctl.Break(l.p.fault) }
	}
	link, err := faultproxy.Open(target, fault, l.p.after, hook)
	if err != nil {
		return "", err
	}
	l.links = append(l.links, link)
	return link.Addr(), nil
}

func (l *cutLinks) close() {
	for _, link := range l.links {
		link.Close()
	}
}

// live counts the sessions of each user, so that one can wait for their end.
type live struct {
	mu    sync.Mutex
	cond  *sync.Cond
	users map[string]int
}

func newLive() *live {
	l := &live{users: map[string]int{}}
	l.cond = sync.NewCond(&l.mu)
	return l
}

func (l *live) add(user string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users[user] += n
	l.cond.Broadcast()
}

func (l *live) login(_ context.Context, e paradise.LoginEvent) {
	if e.Err == nil {
		l.add(e.Name, 1)
	}
}

func (l *live) disconnect(_ context.Context, s *paradise.Session) {
	if s.LoggedIn() {
		l.add(s.User.Name, -1)
	}
}

// gone waits until a user has no session.
func (l *live) gone(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.users[user] > 0 {
		l.cond.Wait()
	}
}
