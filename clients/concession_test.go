//go:build unix

package clients_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// awaitGone waits until a user has no session.
func (s *site) awaitGone(t testing.TB, user string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, ses := range s.srv.Stats().Sessions {
			if ses.User == user {
				return false
			}
		}
		return true
	}, limit, 5*time.Millisecond, "the sessions of %s have ended", user)
}

// The rest of the matrix gives some clients a concession, as a host would. Without it each
// of their uploads is aborted, and the log says which setting helps.
func TestClientsThatNeedAConcession(t *testing.T) {
	for _, row := range []struct {
		*client
		mode tlsMode
		key  string
		told bool // the client notices the refusal
	}{
		{monoClient(), tls12, "key allow-unclosed-tls", true},
		{pyfilesystemClient(), tls13, "key allow-unclosed-tls", true},
		{ffmpegClient(), plain, "key allow-lost-control", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.need(t)
			s := newSite(t, newAuthority(t), row.mode,
				func(srv *paradise.Server) { srv.Auth = paradise.Accounts{row.name: password} })
			at, ok := row.first(row.mode)
			require.True(t, ok)
			v := s.visit(t, row.client, at, newFileSet(t, map[string][]byte{"f.bin": noise(1, 3000)}))
			put := row.put
			if put == nil {
				put = asPut(row.open(t))
			}
			err := put(v)
			assert.Equal(t, row.told, err != nil, "%v", err)
			s.awaitGone(t, row.name)
			assert.NoFileExists(t, s.remoteFile(v, "f.bin"), "%s ends uploads cleanly now: drop its policy", row.name)
			assert.Contains(t, s.log.String(), row.key)
		})
	}
}
