package paradise

import (
	"net/netip"
	"regexp"
	"strings"
)

func accessCommands() []*command {
	return []*command{
		{
			name: "USER", syntax: "name", ref: "RFC 959, 4.1.1",
			needs: needArg | early,
			codes: []int{331, 230, 232, 530},
			run:   cmdUser,
		},
		{
			name: "PASS", syntax: "password", ref: "RFC 959, 4.1.1",
			needs: early | hidden,
			codes: []int{230, 332, 530, 503},
			run:   cmdPass,
		},
		{
			name: "ACCT", syntax: "account", ref: "RFC 959, 4.1.1",
			needs: needArg | early | hidden,
			codes: []int{230, 202, 503, 530},
			run:   cmdAcct,
		},
		{
			name: "REIN", ref: "RFC 959, 4.1.1",
			needs: early,
			codes: []int{220},
			run:   cmdRein,
		},
		{
			name: "QUIT", ref: "RFC 959, 4.1.1",
			needs: early,
			codes: []int{221},
			run:   cmdQuit,
		},
		{
			name: "HOST", syntax: "name", ref: "RFC 7151, 3",
			needs: needArg | early,
			codes: []int{220, 502, 503, 504},
			run:   cmdHost,
		},
	}
}

// unimplementedCommands are known, so that they are answered with 502 and not with 500.
func unimplementedCommands() []*command {
	return []*command{
		{
			name: "ADAT", ref: "RFC 2228, 3",
			needs: early | unlisted,
			codes: []int{502},
			run:   notImplemented,
		},
		{
			name: "MIC", ref: "RFC 2228, 3",
			needs: early | unlisted,
			codes: []int{502},
			run:   notImplemented,
		},
		{
			name: "CONF", ref: "RFC 2228, 3",
			needs: early | unlisted,
			codes: []int{502},
			run:   notImplemented,
		},
		{
			name: "ENC", ref: "RFC 2228, 3",
			needs: early | unlisted,
			codes: []int{502},
			run:   notImplemented,
		},
		{
			name: "SPSV", ref: "draft-rosenau-ftp-single-port",
			needs: needLogin | keepsBoth | unlisted,
			codes: []int{502},
			run:   notImplemented,
		},
		{
			name: "SMNT", ref: "RFC 959, 4.1.1",
			needs: needLogin | unlisted,
			codes: []int{502},
			run:   notImplemented,
		},
	}
}

func notImplemented(*conn, string) reply { return say(502, "Command not implemented") }

// cmdUser answers alike for every name. A user who is logged in starts again, with
// the transfer parameters as they are (RFC 959, 4.1.1).
func cmdUser(c *conn, name string) reply {
	if c.facts().LoggedIn() {
		kept := c.params.ofTransfers()
		c.forget()
		c.params = kept
	}
	if !c.mayLogIn() {
		return say(530, "TLS is required to log in: use AUTH TLS")
	}
	c.login.reset()
	c.login.user, c.login.named = name, true
	if t := c.facts().TLS; t != nil && len(t.VerifiedChains) > 0 {
		r := c.logIn(Credentials{User: name})
		if r.code == 331 {
			c.login.user, c.login.named = name, true
		}
		return r
	}
	return say(331, "User name ok, password required")
}

func cmdPass(c *conn, password string) reply {
	switch {
	case !c.mayLogIn():
		return say(530, "TLS is required to log in: use AUTH TLS")
	case !c.login.named:
		return say(503, "PASS needs USER first")
	}
	return c.logIn(Credentials{User: c.login.user, Password: password, HasPassword: true})
}

func cmdAcct(c *conn, account string) reply {
	switch {
	case c.facts().LoggedIn():
		return say(202, "No account is needed")
	case !c.login.account:
		return say(503, "ACCT needs USER and PASS first")
	}
	return c.logIn(Credentials{User: c.login.user, Password: c.login.password, Account: account, HasPassword: true})
}

// cmdRein puts the session back to its greeting, or to the state after AUTH: TLS
// stays (docs/decisions), PROT (RFC 4217, 9) and HOST (RFC 7151, 3.2.1) go.
func cmdRein(c *conn, _ string) reply {
	c.update(func(s *Session) { s.Host = c.tls.host })
	c.forget()
	c.tls.begin(c.tls.began)
	return textReply(220, c.banner())
}

func cmdQuit(*conn, string) reply {
	return reply{code: 221, text: "Goodbye", end: true}
}

// cmdHost chooses a virtual host, before login only: one who has said no more
// than USER begins again there (RFC 7151, 3.2).
func cmdHost(c *conn, arg string) reply {
	if len(c.env.hosts) == 0 {
		return say(502, "No virtual hosts here")
	}
	if c.facts().LoggedIn() {
		return say(503, "HOST must come before login")
	}
	name, ok := hostName(arg)
	if !ok {
		return say(501, "Malformed host name")
	}
	if _, known := c.env.hosts[name]; !known {
		return say(504, "Host not known here")
	}
	if !c.fits(name) {
		return say(504, "Host differs from the one that TLS was negotiated for")
	}
	c.login.reset()
	c.update(func(s *Session) { s.Host = name })
	return textReply(220, c.banner())
}

// hostName checks a name or bracketed address as RFC 7151, 3.1 writes them.
func hostName(arg string) (string, bool) {
	name := strings.ToLower(strings.TrimSuffix(arg, "."))
	if inner, bracketed := strings.CutPrefix(name, "["); bracketed {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return "[" + a.String() + "]", err == nil && a.Is6() && a.Zone() == "" && strings.HasSuffix(inner, "]")
	}
	for label := range strings.SplitSeq(name, ".") {
		if !hostLabel.MatchString(label) {
			return name, false
		}
	}
	return name, len(name) <= 255
}

var hostLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (c *conn) banner() string {
	if h := c.env.hosts[c.facts().Host]; h.Banner != "" {
		return h.Banner
	}
	return c.env.banner
}
