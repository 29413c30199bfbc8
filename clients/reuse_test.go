//go:build unix

package clients_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/paradiseftp/paradise"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// resuming says which clients resume the TLS session of the control connection
// on every data connection; the others cannot be used with ReuseRequire.
func resuming() map[string][]tlsMode {
	every := []tlsMode{tls12, tls13, implicit}
	return map[string][]tlsMode{
		"basic-ftp": every,
		"curl":      {tls13, implicit}, // in TLS 1.2 libcurl asks for no tickets
		"jlaffaye":  every,             // with a ClientSessionCache
		"lftp":      every,
		"php":       every,
		"ruby":      {tls12}, // in TLS 1.3 it uses a ticket once, and after an upload has not read the next
		"wget":      every,
	}
}

func requireReuse(srv *paradise.Server) { srv.Policy.DataTLSReuse = paradise.ReuseRequire }

// losing says which clients may lose an upload before the server refuses one: they close the
// connection with an unread TLS 1.3 ticket, which resets it (docs/tls.md).
func losing(name string, mode tlsMode) bool { return name == "ruby" && mode != tls12 }

// A server that requires resumption serves the clients that resume; the others
// get 522 and a text that says why.
func TestRequiredReuse(t *testing.T) {
	eachWay(t, []tlsMode{tls12, tls13, implicit}, requireReuse,
		func(t *testing.T, c *client, s *site, transfer transferer, at cell) {
			at.calm = true
			if slices.Contains(resuming()[c.name], at.tls) {
				c.runCell(t, s, transfer, at, newFileSet(t, c.without(at, binaryFiles())))
				return
			}
			c.refusedReuse(t, s, transfer, at)
		})
}

// Programs that pass the control connection's TLS session on to ftplib's data connections, as
// many do, work with such a server too.
func TestRequiredReuseWithHelp(t *testing.T) {
	c := pythonClient()
	c.need(t)
	helper := startPython(t)
	for mode, s := range newSites(t, []tlsMode{tls12, tls13, implicit}, requireReuse) {
		t.Run(string(mode), func(t *testing.T) {
			at := cell{mode: epsv, ip: ipv4, tls: mode}
			c.runCell(t, s, func(v *visit) ([]string, error) { return helper.op("reuse", v) }, at, newFileSet(t, binaryFiles()))
		})
	}
}

// refusedReuse expects the refusal.
func (c *client) refusedReuse(t *testing.T, s *site, transfer transferer, at cell) {
	v := s.visit(t, c, at, newFileSet(t, c.without(at, binaryFiles())))
	s.seen.reset(c.name)
	_, err := transfer(v)
	seen := s.seen.seen(c.name)
	require.Error(t, err, "%s resumes: say so in this test; %v", c.name, seen)
	refused, lost := false, false
	for _, e := range seen.transfers() {
		refused = refused || e.Code == 522
		lost = lost || e.Code == 426
	}
	if lost && losing(c.name, at.tls) {
		return
	}
	assert.True(t, refused, "%v\n%v", err, seen)
	assert.True(t, strings.Contains(s.log.String(), "must be resumed on the data connection"),
		"the reply does not say why")
}

// A TLS session stays valid however often it is offered, and whichever one a program keeps.
// In TLS 1.2 OpenSSL drops a session for which it gets another ticket, unless its cache for
// clients is off. In ruby, as in PHP, a program can choose the session to offer.
func TestASessionIsOfferedAgainAndAgain(t *testing.T) {
	c := rubyClient()
	c.need(t)
	s := newSite(t, newAuthority(t), tls12, requireReuse)
	good := strings.Repeat("STOR true 226\nRETR true 226\n", 4)
	for _, which := range []string{"control", "last", "callback"} {
		for _, mode := range []string{"off", "client", "client, not stored"} {
			t.Run(which+"/"+mode, func(t *testing.T) {
				v := s.visit(t, c, cell{mode: epsv, ip: ipv4, tls: tls12}, newFileSet(t, nil))
				out, err := v.run("", "ruby", script(t, "sessions.rb"), v.host, v.port, v.user, password, v.ca,
					v.remote+"/f", which, mode)
				require.NoError(t, err)
				assert.Equal(t, good, out)
			})
		}
	}
}
