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
		"wget":      every,
	}
}

// A server that requires resumption serves the clients that resume; the others
// get 522 and a text that says why.
func TestRequiredReuse(t *testing.T) {
	ca := newAuthority(t)
	sites := map[tlsMode]*site{}
	for _, mode := range []tlsMode{tls12, tls13, implicit} {
		sites[mode] = newSite(t, ca, mode, func(srv *paradise.Server) { srv.Policy.DataTLSReuse = paradise.ReuseRequire })
		sites[mode].ca = ca.file
	}
	for _, c := range allClients() {
		t.Run(c.name, func(t *testing.T) {
			c.need(t)
			transfer := c.open(t)
			for mode, s := range sites {
				at, ok := c.first(mode)
				if !ok {
					continue
				}
				at.calm = true
				t.Run(string(mode), func(t *testing.T) {
					if slices.Contains(resuming()[c.name], mode) {
						c.runCell(t, s, transfer, at, newFileSet(t, c.without(at, binaryFiles())))
						return
					}
					c.refusedReuse(t, s, transfer, at)
				})
			}
		})
	}
}

// Programs that pass the control connection's session on to ftplib's data
// connections, as many do, may use such a server too.
func TestRequiredReuseWithHelp(t *testing.T) {
	c := pythonClient()
	c.need(t)
	ca := newAuthority(t)
	helper := startPython(t)
	for _, mode := range []tlsMode{tls12, tls13, implicit} {
		t.Run(string(mode), func(t *testing.T) {
			s := newSite(t, ca, mode, func(srv *paradise.Server) { srv.Policy.DataTLSReuse = paradise.ReuseRequire })
			s.ca = ca.file
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
	refused := false
	for _, e := range seen.transfers() {
		refused = refused || e.Code == 522
	}
	assert.True(t, refused, "%v\n%v", err, seen)
	assert.True(t, strings.Contains(s.log.String(), "must be resumed on the data connection"), "the reply does not say why")
}
