package monitor

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// contentPolicy lets the page load its own files and nothing else.
const contentPolicy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// secure sets the headers that every answer carries.
func secure(hd http.Header) {
	hd.Set("Content-Security-Policy", contentPolicy)
	hd.Set("X-Content-Type-Options", "nosniff")
	hd.Set("X-Frame-Options", "DENY")
	hd.Set("Cross-Origin-Resource-Policy", "same-origin")
	hd.Set("Cross-Origin-Opener-Policy", "same-origin")
	// Not no-referrer: it would make browsers send "Origin: null" with the
	// sign-in form, which is what strangers send.
	hd.Set("Referrer-Policy", "same-origin")
	hd.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	hd.Set("Cache-Control", "no-store")
}

// guarded refuses what comes for another host or from another origin.
func (h *Handler) guarded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !h.knownHost(r):
			plain(w, http.StatusForbidden, "This host name is not served here: name it in the monitor's list of hosts")
		case !h.ownOrigin(r):
			plain(w, http.StatusForbidden, "Requests from other origins are refused")
		default:
			next(w, r)
		}
	})
}

// knownHost defends against DNS rebinding: a page of a stranger whose name
// suddenly leads here still sends its own name.
func (h *Handler) knownHost(r *http.Request) bool {
	host := hostOf(r.Host)
	if isLoopback(host) || h.hosts[host] {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap() == localIP(r)
}

// ownOrigin refuses requests that a page of another origin made. A link from
// elsewhere may lead to the page itself.
func (h *Handler) ownOrigin(r *http.Request) bool {
	if h.origins.Check(r) != nil {
		return false
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// hostOf is the name or address in a Host header or a list, without port,
// brackets, zone and final dot, in lower case.
func hostOf(hostport string) string {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	if strings.Trim(port, "0123456789") != "" {
		return ""
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// localIP is the address at which r came in; the zero Addr if it is none.
func localIP(r *http.Request) netip.Addr {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return a.AddrPort().Addr().Unmap().WithZone("")
}

// isLocal reports whether r came from this machine. Proxies on this machine
// come over loopback too: what they say of themselves, or the name they were
// asked for, gives them away.
func isLocal(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return localIP(r).IsLoopback() && isLoopback(hostOf(r.Host))
}
