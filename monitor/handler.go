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

// Options set who may read and act, and connect the monitor to the host program. The
// zero value is the strictest: reading over loopback, no actions.
type Options struct {
	// Authorize says for each request what the one who makes it may do: a login of
	// the host program's, in place of Token and of the rule that anybody on this
	// machine may read. read is for the page, its text form, the JSON, the events and
	// the metrics; act is for ending sessions and for Drain, and shows them on a page
	// that may be read. All else is refused with 403: send people to the login before
	// the request gets here. The health checks and the page's own files, which tell
	// nothing, are open.
	//
	// It is called from several goroutines at once, once a second too for each viewer
	// of the page, whose stream ends when read does; it must be fast. Requests for
	// names that are not in Hosts, and those of other origins, do not come to it: a
	// cookie of the host program's is safe from foreign pages. Nil: Token.
	Authorize func(r *http.Request) (read, act bool)

	// Token lets people in: for reading from elsewhere than this machine, and
	// for actions. It has 16 characters at least. Empty: reading over loopback
	// only, and no actions.
	Token string

	// Hosts are further names and addresses, without port, under which clients reach
	// the monitor, such as that of a proxy. Empty: only loopback names and the address
	// at which a request arrives are accepted.
	Hosts []string

	// Drain starts a drain of the server. It is called at most once, on its own
	// goroutine. Nil: the page has no button for it.
	Drain func()

	// Generations returns the server's other processes: older ones that still drain
	// after a restart (see package handover), oldest first, and those that have ended,
	// with their totals. All views show the sum over all processes. It is called on
	// its own goroutine, one call at a time, whenever a view is requested and by
	// Record. If a call takes more than two seconds, the monitor shows the previous
	// answer instead. Nil: there are no other processes.
	Generations func() []Generation

	// Kick ends a session of one of the other processes, or returns
	// [paradise.ErrNoSession]. Nil: only sessions of this process can be ended.
	Kick func(id uint64) error

	// Ready returns an error while this program cannot serve clients well, for
	// example because its storage is gone (see osfs.Driver.Ready). /readyz then
	// answers 503, without the error's text, which strangers could read. Ready is
	// called at most once a second; a call that takes more than two seconds counts as
	// an error until it has returned. Nil: a server that does not drain is ready.
	Ready func() error

	// Metrics returns further metrics, which /metrics shows after those of the server.
	// They are not summed over processes. It is called for each scrape, from several
	// goroutines at once, and must not block. Nil: there are none.
	Metrics func() []Metric
}

// minToken is long enough that guessing is hopeless.
const minToken = 16

// Handler is the monitor of one server. It is safe for concurrent use.
type Handler struct {
	srv       *paradise.Server
	hosts     map[string]bool
	authorize func(*http.Request) (read, act bool) // nil: the token
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

// New returns the monitor of srv. Mount it below another path with http.StripPrefix.
// The error says which option is invalid.
func New(srv *paradise.Server, o Options) (*Handler, error) {
	if srv == nil {
		return nil, errors.New("monitor: a server is needed")
	}
	if o.Token != "" && len(o.Token) < minToken {
		return nil, fmt.Errorf("monitor: the token is too short: %d characters at least", minToken)
	}
	if o.Authorize != nil && o.Token != "" {
		return nil, errors.New("monitor: Authorize and Token are both set, and only one can say who may look: leave one of them out")
	}
	h := &Handler{
		srv:       srv,
		hosts:     make(map[string]bool),
		authorize: o.Authorize,
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
// listens on addr, "host:port", where others can reach it, needs a token or Authorize.
func Check(addr string, o Options) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	if o.Token == "" && o.Authorize == nil && !isLoopback(host) {
		return fmt.Errorf("monitor: %s can be reached from other machines: set a token, or listen on 127.0.0.1", addr)
	}
	return nil
}

// isLoopback reports whether host means this machine only. It does not look up names
// other than localhost.
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

// Close ends all event streams, for which http.Server.Shutdown would wait, and refuses
// new ones. Other requests are still answered.
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
