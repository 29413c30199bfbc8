package paradise

import (
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/paradiseftp/paradise/internal/sock"
	"github.com/paradiseftp/paradise/internal/turns"
)

// admission is the one place that decides who gets in and how much of the
// process's descriptors anyone may take.
type admission struct {
	limits Limits

	fds      atomic.Int64 // descriptors promised to sessions and transfers
	fdBudget int64

	hashes *turns.Places // for commands that hash files: held while a buffer is hashed

	upload, download *rate.Limiter // of the whole server; nil: no bound

	mu       sync.Mutex
	sessions int
	clients  map[netip.Addr]*client
	users    map[string]int
}

// client is what is remembered of one address.
type client struct {
	sessions int
	failures int // in a row
	banned   time.Time
	names    map[string]*nameTried // that failed from there and have not got in since
	logins   *rate.Limiter
	asking   int             // logins that the AuthDriver is being asked about
	waiting  []chan struct{} // logins that wait for their turn, in order
	seen     time.Time
}

// nameTried counts the failures of one name from one address: an account of one's
// own forgives none of them.
type nameTried struct {
	failures int
	banned   time.Time
}

// namesKept is how many names are remembered per address, in whose place the
// least tried goes.
const namesKept = 64

// forgettable reports whether nothing counts against the address.
func (cl *client) forgettable() bool {
	rested := cl.logins == nil || cl.logins.Tokens() >= float64(cl.logins.Burst())
	idle := cl.sessions == 0 && cl.asking == 0 && len(cl.waiting) == 0
	blameless := cl.failures == 0 && len(cl.names) == 0 && !time.Now().Before(cl.banned)
	return idle && blameless && rested
}

// clientsKept bounds the memory for addresses without a session.
const clientsKept = 100_000

// descriptorsKept stay free for the host program's own needs.
const descriptorsKept = 64

// transfersKept is how many transfers find descriptors however many sessions
// there are; where descriptors are few sessions leave half of them.
const transfersKept = 512

func newAdmission(l Limits) *admission {
	places := max(1, runtime.GOMAXPROCS(0)/2)
	a := &admission{
		limits:   l,
		clients:  make(map[netip.Addr]*client),
		users:    make(map[string]int),
		hashes:   turns.New(places, places),
		upload:   byteLimiter(l.UploadRate),
		download: byteLimiter(l.DownloadRate),
	}
	nofile := sock.MaxFiles()
	a.fdBudget = int64(max(16, nofile-max(descriptorsKept, nofile/10)))
	if a.limits.Sessions == 0 {
		a.limits.Sessions = int(a.fdBudget - min(a.fdBudget/2, transfersKept*dataFDs))
	}
	return a
}

// enter takes a place for a session, or says why there is none.
func (a *admission) enter(addr netip.Addr) (refusal, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	cl := a.clientLocked(addr)
	switch l := &a.limits; {
	case time.Now().Before(cl.banned):
		return refusedBanned, false
	case l.Sessions > 0 && a.sessions >= l.Sessions:
		return refusedSessions, false
	case l.SessionsPerIP > 0 && cl.sessions >= l.SessionsPerIP:
		return refusedPerIP, false
	case !a.takeFDs(1):
		return refusedDescriptors, false
	}
	a.sessions++
	cl.sessions++
	return 0, true
}

// leave gives the place back, but for the descriptor, which is in use until the
// socket is closed.
func (a *admission) leave(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions--
	cl := a.clientLocked(addr)
	cl.sessions--
	if cl.forgettable() {
		delete(a.clients, turns.Key(addr))
	}
}

func (a *admission) clientLocked(addr netip.Addr) *client {
	key := turns.Key(addr)
	cl := a.clients[key]
	if cl == nil {
		a.evictLocked()
		cl = &client{}
		a.clients[key] = cl
	}
	cl.seen = time.Now()
	return cl
}

// evictLocked forgets an address or two without a session when there are too
// many; a map's order is as good as random.
func (a *admission) evictLocked() {
	if len(a.clients) < clientsKept {
		return
	}
	looked, forgotten := 0, false
	var spare netip.Addr
	for key, cl := range a.clients {
		if cl.forgettable() {
			delete(a.clients, key)
			forgotten = true
		} else if cl.sessions == 0 && !time.Now().Before(cl.banned) {
			spare = key
		}
		if looked++; looked == 16 {
			break
		}
	}
	if !forgotten {
		delete(a.clients, spare)
	}
}

// takeFDs reserves descriptors, so that EMFILE does not happen.
func (a *admission) takeFDs(n int64) bool {
	if a.fds.Add(n) > a.fdBudget {
		a.fds.Add(-n)
		return false
	}
	return true
}

func (a *admission) giveFDs(n int64) { a.fds.Add(-n) }

// mayTry says whether an address may try another login under a name now.
func (a *admission) mayTry(addr netip.Addr, name string) (refusal, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	cl := a.clientLocked(addr)
	if cl.bans(name) {
		return refusedBanned, false
	}
	if a.limits.LoginsPerMin < 0 {
		return 0, true
	}
	if cl.logins == nil {
		cl.logins = rate.NewLimiter(rate.Limit(float64(a.limits.LoginsPerMin)/60), a.limits.LoginsPerMin)
	}
	return refusedLoginRate, cl.logins.Allow()
}

// failed notes a failed login against the address and against the name there.
func (a *admission) failed(addr netip.Addr, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.limits.BanAfter <= 0 || a.limits.BanFor <= 0 {
		return
	}
	cl := a.clientLocked(addr)
	tried := cl.tried(tryKey(name))
	cl.failures++
	tried.failures++
	until := time.Now().Add(a.limits.BanFor)
	if cl.failures >= a.limits.BanAfter {
		cl.failures, cl.banned = 0, until
	}
	if tried.failures >= a.limits.BanAfter {
		tried.failures, tried.banned = 0, until
	}
}

// succeeded forgives an address its failures in a row, and those of this name.
func (a *admission) succeeded(addr netip.Addr, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	cl := a.clientLocked(addr)
	cl.failures = 0
	delete(cl.names, tryKey(name))
}

// tried is the record of a name, made where there is none.
func (cl *client) tried(key string) *nameTried {
	if t := cl.names[key]; t != nil {
		return t
	}
	if cl.names == nil {
		cl.names = make(map[string]*nameTried)
	}
	if len(cl.names) >= namesKept {
		delete(cl.names, cl.leastTried())
	}
	t := &nameTried{}
	cl.names[key] = t
	return t
}

func (cl *client) leastTried() string {
	var least string
	for key, t := range cl.names {
		l := cl.names[least]
		if l == nil || l.banned.After(t.banned) || l.banned.Equal(t.banned) && l.failures > t.failures {
			least = key
		}
	}
	return least
}

// tryKey bounds what a name takes of the memory.
func tryKey(name string) string { return strings.Clone(name[:min(len(name), 64)]) }

// userEntered counts a login under a name, unless there are limit already.
func (a *admission) userEntered(name string, limit int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if limit > 0 && a.users[name] >= limit {
		return false
	}
	a.users[name]++
	return true
}

func (a *admission) userLeft(name string) {
	if name == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.users[name]--; a.users[name] <= 0 {
		delete(a.users, name)
	}
}

// byteLimiter is nil for no bound. A burst of a quarter second keeps transfers
// smooth without letting them run ahead.
func byteLimiter(perSecond int64) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	burst := int(max(perSecond/4, 4096))
	return rate.NewLimiter(rate.Limit(perSecond), burst)
}

// dataFDs is what a transfer may take: listener, connection and file.
const dataFDs = 3
