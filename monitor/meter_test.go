package monitor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// moment returns Stats with one upload that has received so many bytes.
func moment(at time.Duration, bytes int64) paradise.Stats {
	return paradise.Stats{Now: noon.Add(at), Started: noon, Uploads: paradise.TransferStats{Running: 1, Bytes: bytes},
		Sessions: []paradise.SessionStats{{ID: 7,
			Transfer: &paradise.TransferNow{Verb: "STOR", Started: noon, Bytes: bytes, Size: -1}}}}
}

func TestRatesAreSinceTheLastSnapshot(t *testing.T) {
	var m meter
	s := m.measure(moment(2*time.Second, 1000))
	assert.Zero(t, s.UpRate, "nothing to compare with")
	assert.InDelta(t, 500, s.Sessions[0].Transfer.Rate, 1e-9, "since the transfer's begin")
	s = m.measure(moment(3*time.Second, 4000))
	assert.InDelta(t, 3000, s.UpRate, 1e-9)
	assert.InDelta(t, 3000, s.Sessions[0].Transfer.Rate, 1e-9)
	s = m.measure(moment(5*time.Second, 4000))
	assert.Zero(t, s.UpRate)
	assert.Zero(t, s.Sessions[0].Transfer.Rate)
}

func TestRatesStayWhereTheyWouldBeNoise(t *testing.T) {
	var m meter
	m.measure(moment(time.Second, 0))
	m.measure(moment(2*time.Second, 1000))
	s := m.measure(moment(2*time.Second+time.Millisecond, 2000))
	assert.EqualValues(t, 2000, s.Uploads.Bytes, "the counts are of now")
	assert.InDelta(t, 1000, s.UpRate, 1e-9)
	assert.InDelta(t, 1000, s.Sessions[0].Transfer.Rate, 1e-9)
	assert.Len(t, m.past, 2)
}

func TestASecondTransferOfASessionStartsAnew(t *testing.T) {
	var m meter
	m.measure(moment(time.Second, 1_000_000))
	st := moment(3*time.Second, 1_000_500)
	st.Sessions[0].Transfer.Started = noon.Add(2 * time.Second)
	st.Sessions[0].Transfer.Bytes = 500
	assert.InDelta(t, 500, m.measure(st).Sessions[0].Transfer.Rate, 1e-9)
}

func TestListingsCountAsSent(t *testing.T) {
	var m meter
	m.measure(paradise.Stats{Now: noon})
	s := m.measure(paradise.Stats{Now: noon.Add(time.Second), Downloads: paradise.TransferStats{Bytes: 10},
		Listings: paradise.TransferStats{Bytes: 5}})
	assert.InDelta(t, 15, s.DownRate, 1e-9)
}

func TestThePastIsFiveMinutesAtMost(t *testing.T) {
	var m meter
	for i := range 1000 {
		m.measure(moment(time.Duration(i)*time.Second, int64(i)))
	}
	assert.Len(t, m.past, points+1)
	assert.Equal(t, noon.Add(999*time.Second), m.past[len(m.past)-1].Time)
	for i := range 5000 {
		m.measure(moment(1000*time.Second+time.Duration(i)*fresh, int64(i)))
	}
	assert.LessOrEqual(t, len(m.past), 2*points+1)
}

func TestALargeEventShowsTransfersFirst(t *testing.T) {
	st := paradise.Stats{Now: noon}
	for id := range uint64(maxRows + 100) {
		c := paradise.SessionStats{ID: id}
		if id >= maxRows {
			c.Transfer = &paradise.TransferNow{}
		}
		st.Sessions = append(st.Sessions, c)
	}
	all := snapshot(st)
	some := all.first(maxRows)
	require.Len(t, some.Sessions, maxRows)
	assert.Equal(t, maxRows+100, some.Clients)
	assert.NotNil(t, some.Sessions[99].Transfer)
	assert.Nil(t, some.Sessions[100].Transfer)
	assert.Len(t, all.Sessions, maxRows+100, "the original stays whole")
}

func TestASizeThatWasWrongIsNoSize(t *testing.T) {
	for size, want := range map[int64]int64{-1: -1, 0: -1, 999: -1, 1000: 1000, 2000: 2000} {
		st := moment(time.Second, 1000)
		st.Sessions[0].Transfer.Size = size
		assert.Equal(t, want, snapshot(st).Sessions[0].Transfer.Size, size)
	}
}

func TestOnlyWhatWasRefusedIsTold(t *testing.T) {
	s := snapshot(paradise.Stats{Refused: map[string]int64{"banned": 3, "http": 0}})
	assert.Equal(t, map[string]int64{"banned": 3}, s.Refused)
}

func TestOpenChannelsAreCounted(t *testing.T) {
	s := snapshot(sampleStats())
	assert.Equal(t, 2, s.Channels)
}

// BenchmarkEvent measures the work of one second with 10,000 sessions, which does not
// depend on the number of viewers.
func BenchmarkEvent(b *testing.B) {
	st := paradise.Stats{Now: noon}
	for id := range uint64(10_000) {
		st.Sessions = append(st.Sessions, paradise.SessionStats{ID: id, User: "user", Remote: "192.0.2.7:40000",
			Transfer: &paradise.TransferNow{Verb: "STOR", Name: "/some/file.jpg", Started: noon, Bytes: int64(id), Size: -1}})
	}
	var m meter
	b.ReportAllocs()
	for b.Loop() {
		st.Now = st.Now.Add(time.Second)
		event("stats", m.measure(st).first(maxRows))
	}
}
