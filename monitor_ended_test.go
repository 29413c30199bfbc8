package paradise

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ended counts a transfer of a nameless session.
func ended(k *counters, way direction, e TransferEvent) {
	e.Session = &Session{ID: 7, User: User{Name: "auser"}}
	k.transferEnded(way, &e, "OK")
}

func TestTheLast50TransfersAreRememberedNewestFirst(t *testing.T) {
	var k counters
	assert.Empty(t, k.recent.list())
	for i := range 120 {
		ended(&k, dirUpload, TransferEvent{Name: fmt.Sprint(i), Code: 226})
	}
	list := k.recent.list()
	require.Len(t, list, recentKept)
	assert.Equal(t, "119", list[0].Name)
	assert.Equal(t, "70", list[recentKept-1].Name)
	assert.Equal(t, "auser", list[0].User)
	assert.EqualValues(t, 120, k.transfers(dirUpload).Done)
}

func TestListingsAreCountedButNotRemembered(t *testing.T) {
	var k counters
	ended(&k, dirListing, TransferEvent{Code: 226})
	ended(&k, dirListing, TransferEvent{Code: 426})
	assert.Empty(t, k.recent.list())
	s := k.transfers(dirListing)
	assert.EqualValues(t, 1, s.Done)
	assert.EqualValues(t, 1, s.Failed)
}

func TestRememberedNamesAreCut(t *testing.T) {
	var k counters
	ended(&k, dirDownload, TransferEvent{Name: strings.Repeat("n", 5000), Code: 226})
	assert.Equal(t, strings.Repeat("n", 64), k.recent.list()[0].Name)
}

func TestDurationsFallIntoTheirBuckets(t *testing.T) {
	for _, c := range []struct {
		took   time.Duration
		bucket int
	}{
		{0, 0},
		{10 * time.Millisecond, 0},
		{10*time.Millisecond + 1, 1},
		{time.Second, 4},
		{30 * time.Minute, 10},
		{30*time.Minute + 1, 11},
		{240 * time.Hour, 11},
	} {
		t.Run(c.took.String(), func(t *testing.T) {
			var k counters
			k.took(dirUpload, c.took)
			s := k.transfers(dirUpload)
			assert.EqualValues(t, 1, s.Durations[c.bucket].Count)
			assert.Equal(t, c.took, s.Duration)
		})
	}
}

func TestDurationBoundsAscendAndTheLastIsOpen(t *testing.T) {
	var k counters
	all := k.transfers(dirUpload).Durations
	last := len(all) - 1
	for i := 1; i < last; i++ {
		assert.Greater(t, all[i].UpTo, all[i-1].UpTo)
	}
	assert.Zero(t, all[last].UpTo)
}
