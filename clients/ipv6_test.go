//go:build unix

package clients_test

import (
	"net"
	"net/textproto"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// PASV and PORT name IPv4 addresses. On IPv6 they are refused with a hint at EPSV and EPRT, so
// the matrix has n/a there.
func TestIPv4VerbsOnIPv6(t *testing.T) {
	s := newSite(t, newAuthority(t), plain, nil)
	nc, err := net.Dial("tcp", net.JoinHostPort("::1", s.ports[ipv6]))
	require.NoError(t, err)
	defer nc.Close()
	c := textproto.NewConn(nc)
	_, _, err = c.ReadResponse(220)
	require.NoError(t, err)
	for _, step := range []struct {
		say  string
		code int
		text string
	}{
		{"USER curl", 331, ""},
		{"PASS " + password, 230, ""},
		{"PASV", 425, "EPSV"},
		{"PORT 127,0,0,1,200,1", 522, "(2)"},
		{"EPRT |1|127.0.0.1|51201|", 522, "(2)"},
		{"EPSV", 229, "|||"},
		{"QUIT", 221, ""},
	} {
		require.NoError(t, c.PrintfLine("%s", step.say))
		_, text, err := c.ReadResponse(step.code)
		require.NoError(t, err, step.say)
		assert.Contains(t, text, step.text, step.say)
	}
}
