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
	fresh      = tick / 2 // a rate measured over less time is noise
	maxViewers = 64
	maxRows    = 500 // sessions in an event
)

// hub takes one snapshot a second for all viewers, and none if there are no viewers.
type hub struct {
	srv    *paradise.Server
	others relatives

	mu      sync.Mutex
	meter   meter
	viewers map[*viewer]struct{}
	running bool // the goroutine of run exists
	closed  bool
}

// viewer is one event stream. At most one event waits for it: a slow viewer misses
// events and delays nobody.
type viewer struct {
	news chan []byte   // formatted events
	gone chan struct{} // closed when the hub is closed
}

func newHub(srv *paradise.Server, generations func() []Generation) *hub {
	return &hub{srv: srv, others: relatives{ask: generations}, viewers: make(map[*viewer]struct{})}
}

// everybody returns the state of all processes. It asks the others first, because
// their answer may take a while and this process's figures should be fresh.
func (h *hub) everybody() server {
	others := h.others.now()
	return together(h.srv.Stats(), others)
}

// now takes a snapshot and adds it to the plots.
func (h *hub) now() *Snapshot {
	others := h.others.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.measure(others)
}

// measure takes a snapshot. The caller holds mu.
func (h *hub) measure(others []Generation) *Snapshot {
	return h.meter.measure(h.srv.Stats(), others...)
}

// draining reports whether no process accepts new clients.
func (h *hub) draining() bool { return h.srv.Stats().Draining && h.everybody().all.Draining }

// join adds a viewer, whose first event is the history of the plots. It returns false
// if there are too many viewers or the hub is closed.
func (h *hub) join() (*viewer, bool) {
	others := h.others.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.viewers) >= maxViewers {
		return nil, false
	}
	v := &viewer{news: make(chan []byte, 1), gone: make(chan struct{})}
	s := h.measure(others)
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

// run publishes a snapshot every second while there are viewers.
func (h *hub) run() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for range t.C {
		if !h.publish() {
			return
		}
	}
}

// publish sends a new snapshot to all viewers. It returns false if there are none.
func (h *hub) publish() bool {
	others := h.others.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.viewers) == 0 {
		h.running = false
		return false
	}
	e := event("stats", h.measure(others).first(maxRows))
	for v := range h.viewers {
		select {
		case v.news <- e:
		default: // the viewer has not sent the last event yet
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

// event formats a server-sent event. Encoded JSON contains no line ends that would
// split it.
func event(name string, data any) []byte {
	var b bytes.Buffer
	b.WriteString("event: " + name + "\ndata: ")
	json.NewEncoder(&b).Encode(data)
	b.WriteString("\n")
	return b.Bytes()
}

// Record takes a snapshot every second until ctx ends, so that the plots have a
// history when the first viewer comes. Without Record they start with that viewer.
func (h *Handler) Record(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		h.hub.now()
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}
