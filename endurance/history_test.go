package endurance

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/history"
	"github.com/paradiseftp/paradise/internal/needs"
	"github.com/paradiseftp/paradise/osfs"
)

// These are the users of the histories; all have the same password. One must not replace
// files, and runs the operations that history calls -new; one has a folder of the storage as
// home.
const (
	historyUser   = "auser"
	historyKeeper = "keeper"
	historyHome   = "home"
	homeKeeper    = "home-keeper"
)

const (
	historyClients = 8
	historyOps     = 8 // operations of each client
)

// sharedFolder is the folder of the files of the histories, below the served folder.
const sharedFolder = "shared"

// historyAccounts has the users above. A user with a home has another driver.
type historyAccounts struct{ home paradise.FileDriver }

func accountsOf(dir string) (paradise.AuthDriver, error) {
	home, err := osfs.Open(filepath.Join(dir, sharedFolder), osfs.Options{})
	if os.IsNotExist(err) {
		return paradise.Accounts{"auser": "secret"}, nil
	}
	return &historyAccounts{home}, err
}

func (a *historyAccounts) Authenticate(
	_ context.Context, s *paradise.Session, c paradise.Credentials,
) (*paradise.User, error) {
	if c.Password != "secret" {
		return nil, paradise.ErrBadCredentials
	}
	policy := s.Policy
	policy.LostControlWait = -1 // these clients do not die, and without the wait more happens at once
	u := &paradise.User{Name: c.User, Policy: &policy}
	if strings.HasSuffix(c.User, historyKeeper) {
		policy.Deny = paradise.PermOverwrite
	}
	if strings.HasPrefix(c.User, historyHome) {
		u.Files = a.home
	}
	return u, nil
}

// historyClient runs operations over FTP. It has two sessions, one of them for a user who
// must not replace files.
type historyClient struct {
	servers       []*atomic.Pointer[child] // the client moves to the next one after half of its operations
	done          int
	path          string // the folder of the files, as the user sees it
	user, keeper  string
	rnd           *rand.Rand
	plain, strict *client
}

func (c *historyClient) Do(o history.Op) history.Result {
	if c.done++; c.done == historyOps/2 && len(c.servers) > 1 {
		c.close()
		c.servers, c.plain, c.strict = c.servers[1:], nil, nil
	}
	for {
		r, fresh := c.try(o)
		if !fresh || r.Outcome != history.Lost {
			return r
		}
		runtime.Gosched() // the server may be starting
	}
}

// try sends a command on an existing session, or on a new one. fresh means that no command
// was sent.
func (c *historyClient) try(o history.Op) (r history.Result, fresh bool) {
	session, user := &c.plain, c.user
	switch o.Kind {
	case history.StoreNew, history.RenameNew, history.CopyNew:
		session, user = &c.strict, c.keeper
	}
	if *session == nil {
		s, err := dial(c.servers[0].Load().addr, dialWait)
		if err != nil {
			return history.Result{Outcome: history.Lost, Err: err}, true
		}
		if err := s.login(user); err != nil {
			s.conn.Close()
			return history.Result{Outcome: history.Lost, Err: err}, true
		}
		*session = s
	}
	r = c.play(*session, o)
	if r.Outcome == history.Lost {
		(*session).conn.Close()
		*session = nil
	}
	return r, false
}

func (c *historyClient) close() {
	for _, s := range []*client{c.plain, c.strict} {
		if s != nil {
			s.conn.Close()
		}
	}
}

func (c *historyClient) name(file int) string { return fmt.Sprintf("%s/%c", c.path, 'a'+file) }

func (c *historyClient) play(s *client, o history.Op) history.Result {
	a, b := c.name(o.A), c.name(o.B)
	switch o.Kind {
	case history.Store, history.StoreNew:
		return c.upload(s, o, "STOR "+a)
	case history.Append:
		return c.upload(s, o, "APPE "+a)
	case history.Resume:
		if code, text, err := s.cmd(fmt.Sprintf("REST %d", o.Offset)); code != 350 {
			return outcome(code, text, err)
		}
		return c.upload(s, o, "STOR "+a)
	case history.Remove:
		return outcome(s.cmd("DELE " + a))
	case history.Rename, history.RenameNew:
		if code, text, err := s.cmd("RNFR " + a); code != 350 {
			return outcome(code, text, err)
		}
		return outcome(s.cmd("RNTO " + b))
	case history.Copy, history.CopyNew:
		return outcome(s.cmd("SITE COPY " + a + " " + b))
	case history.Join:
		code, text, err := s.cmd(fmt.Sprintf("COMB %q %q", a, b))
		r := outcome(code, text, err)
		r.Left = strings.Contains(text, "not removed")
		return r
	case history.Size:
		code, text, err := s.cmd("SIZE " + a)
		r := outcome(code, text, err)
		if r.Outcome == history.Done {
			fmt.Sscanf(text, "213 %d", &r.Size)
		}
		return r
	}
	var content bytes.Buffer
	code, text, err := s.fetch("RETR "+a, &content)
	r := outcome(code, text, err)
	r.Content = content.String()
	return r
}

// upload sends the data in two parts, and sometimes lets others go first, because much can
// happen between Store and Commit.
func (c *historyClient) upload(s *client, o history.Op, command string) history.Result {
	d, err := s.data()
	if err != nil {
		return history.Result{Outcome: history.Lost, Err: err}
	}
	defer d.Close()
	if code, text, err := s.cmd(command); err != nil || code != 150 {
		return outcome(code, text, err)
	}
	half := len(o.Data) / 2
	_, _ = d.Write([]byte(o.Data[:half]))
	for range c.rnd.IntN(3) {
		if code, text, err := s.cmd("NOOP"); code != 200 {
			return outcome(code, text, err)
		}
	}
	_ = s.pour(d, []byte(o.Data[half:]))
	return outcome(s.reply())
}

// outcome interprets a reply as a client must.
func outcome(code int, text string, err error) history.Result {
	r := history.Result{Err: err}
	if err == nil && code >= 400 {
		r.Err = fmt.Errorf("%s", strings.TrimSpace(text))
	}
	switch {
	case err != nil, code == 421, code == 426:
		// A killed process closes its sockets after its last system call.
		r.Outcome, r.Ended = history.Lost, true
	case code < 400:
		r.Outcome = history.Done
	case code == 450:
		r.Outcome = history.Refused
	case strings.Contains(text, "No such file"):
		r.Outcome = history.Missing
	case strings.Contains(text, "offset"):
		r.Outcome = history.Beyond
	case strings.Contains(text, "File exists"), strings.Contains(text, "Permission denied"):
		r.Outcome = history.Taken
	default:
		r.Outcome = history.Odd
	}
	return r
}

// setup says how clients share a folder.
type setup struct {
	name    string
	servers int
	home    bool // half of the clients have the folder as their home
	link    bool // half of the clients come through a folder link
	moves   bool // clients move to the next server in the middle
	kills   bool // a server is killed, and another replaces it
}

var setups = []setup{
	{name: "one process", servers: 1},
	{name: "two processes", servers: 2},
	{name: "restart", servers: 2, moves: true},
	{name: "homes", servers: 1, home: true},
	{name: "link", servers: 1, link: true},
	{name: "homes and link in two processes", servers: 2, home: true, link: true},
	{name: "killed", servers: 1, kills: true},
}

// All acknowledged operations have one order, however clients share the files.
// PARADISE_FULL=1 plays a hundred times as many histories.
func TestOneOrderExplainsWhatClientsAreTold(t *testing.T) {
	var all verdicts
	for _, s := range setups {
		t.Run(s.name, func(t *testing.T) {
			for system, folder := range needs.FileSystems() {
				t.Run(system, func(t *testing.T) { s.play(t, folder(t), &all) })
			}
		})
	}
	t.Log(all)
	assert.LessOrEqual(t, all.undecided, all.histories/10,
		"histories without a verdict; where the machine is busy, run the test again alone")
}

// verdicts is what histories came to. Few are undecided: their orders are so many that the
// search for one ran out of time.
type verdicts struct{ histories, operations, undecided int }

func (v verdicts) String() string {
	return fmt.Sprintf("%d histories, %d operations, %d undecided", v.histories, v.operations, v.undecided)
}

func (s setup) play(t *testing.T, dir string, all *verdicts) {
	shared := filepath.Join(dir, sharedFolder)
	require.NoError(t, os.Mkdir(shared, 0o777))
	require.NoError(t, os.Symlink(".", filepath.Join(shared, "self")))
	servers := make([]*atomic.Pointer[child], s.servers)
	for i := range servers {
		servers[i] = new(atomic.Pointer[child])
		servers[i].Store(startChild(t, dir))
	}
	rounds, patience := 10, 10*time.Second
	if isFull() {
		rounds, patience = 1000, time.Second // most of the time would go to one search in a hundred
	}
	rnd := random(t)
	for range rounds {
		seed := rnd.Uint64()
		users := make([]history.Client, historyClients)
		for i := range users {
			users[i] = s.client(i, seed, servers)
		}
		var killed chan struct{}
		if s.kills {
			killed = make(chan struct{})
			go s.kill(t, dir, servers[0], rand.New(rand.NewPCG(seed, 2)), killed)
		}
		h := history.Run(users, history.Plan(seed, historyClients, historyOps, history.All()))
		if killed != nil {
			<-killed
		}
		s.lookBack(h, seed, servers)
		for _, u := range users {
			u.(*historyClient).close()
		}
		require.Empty(t, h.Odd(), "PARADISE_SEED: history %d", seed)
		switch h.Check(patience) {
		case history.Broken:
			t.Fatalf("history %d has no order:\n%s", seed, h.Explain())
		case history.Undecided:
			all.undecided++
		}
		all.histories++
		all.operations += h.Len()
	}
	t.Log("so far: ", all)
}

// client returns the i-th client of a history.
func (s setup) client(i int, seed uint64, servers []*atomic.Pointer[child]) *historyClient {
	c := &historyClient{
		path: "/" + sharedFolder, user: historyUser, keeper: historyKeeper,
		rnd:     rand.New(rand.NewPCG(seed, uint64(i)+3)),
		servers: servers,
	}
	if !s.moves {
		c.servers = servers[i%len(servers):][:1]
	}
	if s.home && i%4 >= 2 {
		c.path, c.user, c.keeper = "", historyHome, homeKeeper
	}
	if s.link && i%3 == 0 {
		c.path += "/self"
	}
	return c
}

// lookBack adds the final content of the files to a history, and removes them for the next
// one.
func (s setup) lookBack(h *history.History, seed uint64, servers []*atomic.Pointer[child]) {
	c := s.client(0, seed, servers)
	defer c.close()
	for file := range history.Files {
		op := history.Op{Kind: history.Read, A: file}
		h.Add(op, c.Do(op))
		c.Do(history.Op{Kind: history.Remove, A: file})
	}
}

// kill ends a server at a random moment of a history and starts the next.
func (s setup) kill(t *testing.T, dir string, server *atomic.Pointer[child], rnd *rand.Rand, done chan<- struct{}) {
	defer close(done)
	<-time.After(time.Duration(rnd.IntN(30_000)) * time.Microsecond)
	server.Load().kill()
	server.Store(startChild(t, dir))
}
