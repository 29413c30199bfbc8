package monitor

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// contentPolicy lets the page load its own files and nothing else.
const contentPolicy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; " +
	"frame-ancestors 'none'"

// secure sets the headers that every answer carries.
func secure(hd http.Header) {
	hd.Set("Content-Security-Policy", contentPolicy)
	hd.Set("X-Content-Type-Options", "nosniff")
	hd.Set("X-Frame-Options", "DENY")
	hd.Set("Cross-Origin-Resource-Policy", "same-origin")
	hd.Set("Cross-Origin-Opener-Policy", "same-origin")
	// With no-referrer browsers would send "Origin: null" with the sign-in form, as
	// pages of other origins may do.
	hd.Set("Referrer-Policy", "same-origin")
	hd.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	hd.Set("Cache-Control", "no-store")
}

// guarded refuses requests for an unknown host or from another origin.
func (h *Handler) guarded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !h.knownHost(r):
			plain(w, http.StatusForbidden, "This host name is not served here: add it to the monitor's list of hosts")
		case !h.ownOrigin(r):
			plain(w, http.StatusForbidden, "Requests from other origins are refused")
		default:
			next(w, r)
		}
	})
}

// knownHost defends against DNS rebinding: if an attacker's host name suddenly
// resolves to this machine, requests from its page still carry that name.
func (h *Handler) knownHost(r *http.Request) bool {
	host := hostOf(r.Host)
	if isLoopback(host) || h.hosts[host] {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap() == localIP(r)
}

// ownOrigin refuses requests that a page of another origin made. But a link on such a
// page may lead to the monitor's page.
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
	return r.Method == http.MethodGet &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// hostOf returns the name or address in a Host header or in Options.Hosts, in lower
// case and without port, brackets and final dot. It is empty if the port is no number.
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

// localIP returns the IP address at which r arrived, or the zero Addr if it did not
// arrive over TCP.
func localIP(r *http.Request) netip.Addr {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return a.AddrPort().Addr().Unmap().WithZone("")
}

// isLocal reports whether r came from this machine. A proxy on this machine uses
// loopback too, but the headers that it adds, or the host name that its client asked
// for, reveal it.
func isLocal(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	return localIP(r).IsLoopback() && isLoopback(hostOf(r.Host))
}
