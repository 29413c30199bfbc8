package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/paradiseftp/paradise/monitor"
)

// generation is an older process that drains, as it is handed on.
type generation struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"` // where it tells about itself
}

// draining is what the newest process tells about an older one.
type draining struct {
	PID      int               `json:"pid"`
	Sessions []monitor.Session `json:"sessions"`
	Running  int64             `json:"running"` // transfers
}

// generations knows the older processes that may still drain, and tells a newer
// one about this one: through a socket in a folder that nobody else may enter.
type generations struct {
	mu     sync.Mutex
	older  []generation
	page   http.Handler // nil: nothing is told
	folder string
	server *http.Server
}

// inherit takes what a predecessor's state said.
func (g *generations) inherit(state []byte) {
	if len(state) > 0 {
		json.Unmarshal(state, &g.older) // what can't be read concerns the monitor only
	}
}

// serve has this process tell about itself what page does, once it is old.
func (g *generations) serve(page http.Handler) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.page = page
}

// state is for the successor: the older processes that live, and this one.
func (g *generations) state() []byte {
	alive, _ := g.ask(context.Background())
	g.mu.Lock()
	defer g.mu.Unlock()
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

// ask asks the older processes, and forgets those that have gone.
func (g *generations) ask(ctx context.Context) ([]generation, []draining) {
	g.mu.Lock()
	known := g.older
	g.mu.Unlock()
	var alive []generation
	var told []draining
	for _, old := range known {
		if d, err := old.ask(ctx); err == nil {
			alive, told = append(alive, old), append(told, d)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.older = alive
	return alive, told
}

func (old generation) ask(ctx context.Context) (draining, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	t := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", old.Socket)
		},
	}
	s, err := fetchStats(ctx, &http.Client{Transport: t}, "localhost", "")
	if err != nil {
		return draining{}, err
	}
	return draining{old.PID, s.Sessions, s.Uploads.Running + s.Downloads.Running + s.Listings.Running}, nil
}

// joined is page with the older processes in /stats.json.
func (g *generations) joined(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		none := len(g.older) == 0
		g.mu.Unlock()
		if none || r.URL.Path != "/stats.json" {
			page.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		page.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		if answer.Code == http.StatusOK {
			body = g.add(r.Context(), body)
		}
		for key, values := range answer.Header() {
			if key != "Content-Length" {
				w.Header()[key] = values
			}
		}
		w.WriteHeader(answer.Code)
		w.Write(body)
	})
}

// add puts what older processes tell into a snapshot.
func (g *generations) add(ctx context.Context, snapshot []byte) []byte {
	var fields map[string]any
	if json.Unmarshal(snapshot, &fields) != nil {
		return snapshot
	}
	_, fields["generations"] = g.ask(ctx)
	b, err := json.Marshal(fields)
	if err != nil {
		return snapshot
	}
	return b
}
