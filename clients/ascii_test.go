//go:build unix

package clients_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// withoutType are the clients that send text without a TYPE, because ASCII is the
// default of RFC 959.
func withoutType() []*client {
	lftp := lftpClient()
	lftp.open = func(testing.TB) transferer {
		return func(v *visit) ([]string, error) {
			name := lftpQuote("./" + v.names[0])
			return nil, lftpRun(v, lftpScript(v)+fmt.Sprintf("put -a %s -o %s\nget -a %s -o %s\n",
				lftpQuote(v.local(v.names[0])), name, name, lftpQuote(v.fetched(v.names[0]))))
		}
	}
	return []*client{lftp, ncftpClient()}
}

// With Policy.ASCIIDefault the text of these clients is stored as text; without it, bytes
// are stored as they were sent. Either way the clients get their own text back.
func TestTextWithoutAType(t *testing.T) {
	for stored, policy := range map[string]bool{"a\r\nb\r\n": false, "a\nb\n": true} {
		s := newSite(t, newAuthority(t), plain, func(srv *paradise.Server) { srv.Policy.ASCIIDefault = policy })
		for _, c := range withoutType() {
			t.Run(fmt.Sprintf("%s/%v", c.name, policy), func(t *testing.T) {
				c.need(t)
				v := s.visit(t, c, cell{mode: pasv, ip: ipv4, tls: plain, ascii: true},
					newFileSet(t, map[string][]byte{"lines.txt": []byte("a\nb\n")}))
				s.seen.reset(c.name)
				_, err := c.open(t)(v)
				seen := s.seen.seen(c.name)
				require.NoError(t, err, seen)
				assert.False(t, seen.typed("STOR"), "%s says TYPE: %v", c.name, seen)
				check(t, s.remoteFile(v, "lines.txt"), []byte(stored), "stored")
				check(t, v.fetched("lines.txt"), []byte("a\nb\n"), "fetched")
			})
		}
	}
}
