package monitor

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/paradiseftp/paradise"
)

// Options say who may look and act. The zero value is the strictest: reading
// over loopback, no actions.
type Options struct {
	// Token lets people in: for reading from elsewhere than this machine, and
	// for actions. It has 16 characters at least. Empty: reading over loopback
	// only, and no actions.
	Token string

	// Hosts are further names and addresses, without port, under which the
	// monitor is reached, such as that of a proxy. Empty: loopback names and the
	// address that the listener has.
	Hosts []string

	// Drain begins a drain of the server. It is called once at most, on a
	// goroutine of its own. Nil: the page has no such button.
	Drain func()

	// Generations tells of the server's other processes: older ones that still
	// drain after a restart (see package handover), oldest first, and those that
	// have ended, with what they counted. All that is shown is the sum. It is
	// called on a goroutine of its own, once at a time, for what is looked at and
	// by Record. An answer that takes more than two seconds is not awaited: what
	// was told before is shown then. Nil: there are none.
	Generations func() []Generation

	// Kick ends a session that another of these processes has, or returns
	// [paradise.ErrNoSession]. Nil: only this one's sessions can be ended.
	Kick func(id uint64) error

	// Ready says what keeps this program from serving clients well, as a storage
	// that is gone (see osfs.Driver.Ready); /readyz then answers 503 without the
	// error's text, which strangers could read. It is called once a second at
	// most, and one that takes more than two seconds counts as an error until it
	// has returned. Nil: a server that does not drain is ready.
	Ready func() error

	// Metrics tells further figures, which /metrics has behind those of the server;
	// they are told as they are, and not summed over processes.
	// It is called for each scrape, from several goroutines at once, and must not
	// block. Nil: there are none.
	Metrics func() []Metric
}

// minToken keeps guessing hopeless.
const minToken = 16

// Handler is the monitor of one server. It is safe for concurrent use.
type Handler struct {
	srv       *paradise.Server
	hosts     map[string]bool
	drain     func()
	kickOther func(id uint64) error // nil: there are no others
	drained   sync.Once
	figures   func() []Metric // nil: none
	keys      keys
	origins   *http.CrossOriginProtection
	mux       *http.ServeMux
	hub       *hub
	readiness *readiness
	assets    assets
}

// New makes the monitor of srv. It may be mounted below another path with
// http.StripPrefix. The error says which option is unusable.
func New(srv *paradise.Server, o Options) (*Handler, error) {
	if srv == nil {
		return nil, errors.New("monitor: a server is needed")
	}
	if o.Token != "" && len(o.Token) < minToken {
		return nil, fmt.Errorf("monitor: the token is too short: %d characters at least", minToken)
	}
	h := &Handler{
		srv:       srv,
		hosts:     make(map[string]bool),
		drain:     o.Drain,
		kickOther: o.Kick,
		figures:   o.Metrics,
		keys:      newKeys(o.Token),
		origins:   http.NewCrossOriginProtection(),
		hub:       newHub(srv, o.Generations),
		assets:    loadAssets(),
	}
	h.readiness = &readiness{draining: h.hub.draining, host: o.Ready}
	for _, name := range o.Hosts {
		host := hostOf(name)
		if host == "" || strings.ContainsAny(host, "/@ ") {
			return nil, fmt.Errorf("monitor: %q is no host name", name)
		}
		h.hosts[host] = true
	}
	h.mux = h.routes()
	return h, nil
}

// Check tells at start what requests would be told later: a monitor that
// listens on addr, "host:port", where others can reach it, needs a token.
func Check(addr string, o Options) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	if o.Token == "" && !isLoopback(host) {
		return fmt.Errorf("monitor: %s can be reached from other machines: set a token, or listen on 127.0.0.1", addr)
	}
	return nil
}

// isLoopback reports whether a host stands for this machine alone. Names other
// than localhost are not looked up.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (h *Handler) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.healthz)
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.Handle("GET /assets/{name}", h.guarded(h.asset))
	mux.Handle("GET /{$}", h.guarded(h.reading(h.index)))
	mux.Handle("GET /stats.json", h.guarded(h.reading(h.stats)))
	mux.Handle("GET /events", h.guarded(h.reading(h.events)))
	mux.Handle("GET /metrics", h.guarded(h.reading(h.metrics)))
	mux.Handle("POST /login", h.guarded(h.login))
	mux.Handle("POST /logout", h.guarded(h.logout))
	mux.Handle("POST /sessions/{id}/kick", h.guarded(h.acting(h.kick)))
	mux.Handle("POST /drain", h.guarded(h.acting(h.startDrain)))
	return mux
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	h.mux.ServeHTTP(w, r)
}

// Close ends all event streams, which an http.Server would wait for, and
// refuses new ones. Everything else goes on.
func (h *Handler) Close() { h.hub.close() }

func (h *Handler) healthz(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") }

// plain answers with one line of text.
func plain(w http.ResponseWriter, code int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	fmt.Fprintln(w, line)
}

func (h *Handler) log() *slog.Logger {
	if h.srv.Logger != nil {
		return h.srv.Logger
	}
	return slog.Default()
}
