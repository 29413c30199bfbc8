package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/monitor"
)

// generation is an older process that drains, as it is handed on.
type generation struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"` // where it tells about itself
}

// generations knows the older processes that may still drain, and tells a newer
// one about this one: through a socket in a folder that nobody else may enter.
type generations struct {
	mu     sync.Mutex
	older  []generation
	page   *monitor.Handler // nil: nothing is told
	folder string
	server *http.Server
}

// inherit takes what a predecessor's state said.
func (g *generations) inherit(state []byte) {
	if len(state) > 0 {
		json.Unmarshal(state, &g.older) // what can't be read concerns the monitor only
	}
}

// tell has this process tell about srv, once it is old: about itself alone, since
// the newest asks each of them.
func (g *generations) tell(srv *paradise.Server) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.page, _ = monitor.New(srv, monitor.Options{}) // without options nothing can be wrong
}

// state is for the successor: the older processes that live, and this one.
func (g *generations) state() []byte {
	g.ask() // who has gone is not handed on
	g.mu.Lock()
	defer g.mu.Unlock()
	alive := slices.Clone(g.older)
	if g.page != nil && g.server == nil {
		g.open()
	}
	if g.server != nil {
		alive = append(alive, generation{os.Getpid(), filepath.Join(g.folder, "monitor")})
	}
	b, err := json.Marshal(alive)
	if err != nil {
		return nil
	}
	return b
}

// open begins to answer at the socket; without one this process is only not
// shown.
func (g *generations) open() {
	folder, err := os.MkdirTemp("", "paradise-")
	if err != nil {
		return
	}
	l, err := net.Listen("unix", filepath.Join(folder, "monitor"))
	if err != nil {
		os.RemoveAll(folder)
		return
	}
	g.folder = folder
	g.server = &http.Server{Handler: asLocal(g.page), ReadHeaderTimeout: time.Second, WriteTimeout: 5 * time.Second}
	go g.server.Serve(l)
}

// asLocal lets whoever has reached the socket read the page's figures.
func asLocal(page http.Handler) http.Handler {
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/stats.json" {
			http.NotFound(w, r)
			return
		}
		page.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local)))
	})
}

func (g *generations) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.server != nil {
		g.server.Close()
		os.RemoveAll(g.folder)
	}
}

// ask asks the older processes, all at once, and forgets those that have gone.
func (g *generations) ask() []monitor.Generation {
	g.mu.Lock()
	known := g.older
	g.mu.Unlock()
	answers := make([]*monitor.Generation, len(known)) // nil: none came
	gone := make([]bool, len(known))
	var asked sync.WaitGroup
	for i, old := range known {
		asked.Go(func() { answers[i], gone[i] = old.ask() })
	}
	asked.Wait()
	var told []monitor.Generation
	for i, a := range answers {
		if a != nil {
			told = append(told, *a)
		}
		if gone[i] {
			g.forget(known[i])
		}
	}
	return told
}

func (g *generations) forget(old generation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var kept []generation // a new list: somebody may be asking
	for _, o := range g.older {
		if o != old {
			kept = append(kept, o)
		}
	}
	g.older = kept
}

// askTime is how long an older process may take to answer. One that is too busy
// for it is not shown this time.
const askTime = time.Second

func (old generation) ask() (told *monitor.Generation, gone bool) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	t := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			nc, err := (&net.Dialer{}).DialContext(ctx, "unix", old.Socket)
			gone = err != nil && ctx.Err() == nil
			return nc, err
		},
	}
	s, err := fetchStats(ctx, &http.Client{Transport: t}, "localhost", "")
	if err != nil {
		return nil, gone
	}
	return &monitor.Generation{PID: old.PID, Started: s.Started, Sessions: s.Sessions, Clients: s.Clients,
		Transfers: s.Uploads.Running + s.Downloads.Running + s.Listings.Running}, false
}
