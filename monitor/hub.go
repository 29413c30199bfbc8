package monitor

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
)

const (
	tick       = time.Second
	fresh      = tick / 2 // rates over less time are noise
	maxViewers = 64
	maxRows    = 500 // sessions in an event
)

// hub takes one snapshot a second for all who watch, and none if nobody does.
type hub struct {
	srv         *paradise.Server
	generations func() []Generation // nil: there are none

	mu      sync.Mutex
	meter   meter
	viewers map[*viewer]struct{}
	running bool // run does
	closed  bool
}

// viewer is one event stream. Only the newest event waits for it: a slow one
// skips, and holds up nobody.
type viewer struct {
	news chan []byte   // formatted events
	gone chan struct{} // closed by the hub's end
}

func newHub(srv *paradise.Server, generations func() []Generation) *hub {
	return &hub{srv: srv, generations: generations, viewers: make(map[*viewer]struct{})}
}

// now is a snapshot of this moment.
func (h *hub) now() *Snapshot {
	older := h.older()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.measure(older)
}

// measure is for whoever holds the lock.
func (h *hub) measure(older []Generation) *Snapshot {
	s := h.meter.measure(h.srv.Stats())
	s.Generations = older
	return s
}

// record keeps this moment for the plots.
func (h *hub) record() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.measure(nil)
}

// join adds a viewer, whose first event is the past. False: there are too many,
// or the hub is closed.
func (h *hub) join() (*viewer, bool) {
	older := h.older()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.viewers) >= maxViewers {
		return nil, false
	}
	v := &viewer{news: make(chan []byte, 1), gone: make(chan struct{})}
	s := h.measure(older)
	v.news <- append(event("history", h.meter.past), event("stats", s.first(maxRows))...)
	h.viewers[v] = struct{}{}
	if !h.running {
		h.running = true
		go h.run()
	}
	return v, true
}

func (h *hub) leave(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, v)
}

// run lives while anybody watches.
func (h *hub) run() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for range t.C {
		if !h.publish() {
			return
		}
	}
}

// publish gives a new snapshot to all viewers; false if there are none.
func (h *hub) publish() bool {
	older := h.older()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.viewers) == 0 {
		h.running = false
		return false
	}
	e := event("stats", h.measure(older).first(maxRows))
	for v := range h.viewers {
		select {
		case v.news <- e:
		default: // it has not sent the last one yet
		}
	}
	return true
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for v := range h.viewers {
		close(v.gone)
		delete(h.viewers, v)
	}
}

// event formats a server-sent event. JSON has no line ends of its own.
func event(name string, data any) []byte {
	var b bytes.Buffer
	b.WriteString("event: " + name + "\ndata: ")
	json.NewEncoder(&b).Encode(data)
	b.WriteString("\n")
	return b.Bytes()
}

// Record takes a snapshot each second until ctx ends, so that the plots have a
// past when the first viewer comes. Without it they begin with that viewer.
func (h *Handler) Record(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		h.hub.record()
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}
