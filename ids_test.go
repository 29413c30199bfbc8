package paradise

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// started is a server as Serve has prepared it.
func started(t *testing.T, first IDs) *Server {
	t.Helper()
	srv := &Server{FirstIDs: first, Policy: Policy{TLS: TLSOptional}}
	require.NoError(t, srv.init())
	t.Cleanup(func() { srv.Close() })
	return srv
}

// pass gives so many sessions an ID, and returns the last.
func (srv *Server) pass(n uint64) uint64 {
	all := &srv.env.sessions
	all.mu.Lock()
	defer all.mu.Unlock()
	all.nextID += n
	return all.nextID - 1
}

func TestTwoServersOfAProcessHaveNoIDInCommon(t *testing.T) {
	const sessions = 1 << 20 // each
	first := started(t, IDs{}).NextIDs()
	second := started(t, IDs{}).NextIDs()
	apart := max(first.Session, second.Session) - min(first.Session, second.Session)
	assert.Greater(t, apart, uint64(sessions))
	assert.NotEqual(t, first.Channel, second.Channel)
	assert.NotEqual(t, first.Session, first.Channel)
	assert.Less(t, max(first.Session, second.Session), uint64(maxIDs), "JSON readers know it exactly")
}

// Three generations, each of which goes on to accept after it has named its
// successor's first IDs, as a restart has it.
func TestIDsOfGenerationsDifferAlsoInSixDigits(t *testing.T) {
	const each = sessionsReserved / 2
	seen := make(map[uint32]bool)
	next := IDs{}
	for range 3 {
		srv := started(t, next)
		begin := srv.pass(each) - each + 1
		next = srv.NextIDs()
		require.Less(t, srv.pass(each), next.Session)
		for i := range uint64(2 * each) {
			short := shortID(begin + i)
			require.False(t, seen[short])
			seen[short] = true
		}
	}
}

func TestPassiveChannelsOfASuccessorGoOn(t *testing.T) {
	old := started(t, IDs{Session: 5, Channel: 9})
	next := old.NextIDs()
	assert.Equal(t, IDs{5 + sessionsReserved, 9 + channelsReserved}, next)
	assert.EqualValues(t, next.Channel, started(t, next).env.counters.nextChannel.Load())
	assert.Equal(t, IDs{1, 2}, (&Server{FirstIDs: IDs{1, 2}}).NextIDs(), "nobody has been served")
}

func TestIDsThatJSONRoundsAreRefused(t *testing.T) {
	for _, first := range []IDs{{Session: maxIDs}, {Channel: maxIDs}} {
		srv := &Server{FirstIDs: first, Policy: Policy{TLS: TLSOptional}}
		assert.ErrorContains(t, srv.init(), "FirstIDs is 2^53 or above")
	}
}
