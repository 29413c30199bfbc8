package paradise

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// filled has n in every number of a Stats, however deep.
func filled(v reflect.Value, n int64) {
	switch v.Kind() {
	case reflect.Int64:
		v.SetInt(n)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]int64{"both": n, fmt.Sprint("only", n): n}))
	case reflect.Slice:
		if list, ok := v.Addr().Interface().(*[]DurationCount); ok {
			*list = []DurationCount{{time.Second, n}, {time.Duration(n) * time.Minute, n}, {0, n}}
		}
	case reflect.Struct:
		if _, isTime := v.Interface().(time.Time); isTime {
			return
		}
		for i := range v.NumField() {
			filled(v.Field(i), n)
		}
	}
}

// requireSums wants n in every number: a counter that is added later and
// forgotten by Add is found here.
func requireSums(t *testing.T, at string, v reflect.Value, n int64) {
	t.Helper()
	switch v.Kind() {
	case reflect.Int64:
		assert.EqualValues(t, n, v.Int(), at)
	case reflect.Map:
		assert.Equal(t, map[string]int64{"both": n, "only1": 1, "only2": 2}, v.Interface(), at)
	case reflect.Slice:
		if list, ok := v.Interface().([]DurationCount); ok {
			assert.Equal(t, []DurationCount{{time.Second, 3}, {time.Minute, 1}, {2 * time.Minute, 2}, {0, 3}}, list, at)
		}
	case reflect.Struct:
		if _, isTime := v.Interface().(time.Time); isTime {
			return
		}
		for i := range v.NumField() {
			requireSums(t, at+"."+v.Type().Field(i).Name, v.Field(i), n)
		}
	}
}

func TestAddSumsEveryNumber(t *testing.T) {
	var a, b Stats
	filled(reflect.ValueOf(&a).Elem(), 1)
	filled(reflect.ValueOf(&b).Elem(), 2)
	requireSums(t, "Stats", reflect.ValueOf(a.Add(b)), 3)
	assert.Equal(t, map[string]int64{"both": 1, "only1": 1}, a.Commands, "the parts stay as they are")
	assert.EqualValues(t, 1, a.Uploads.Durations[0].Count, "those too")
}

func TestAddKeepsTheOrderOfIDsAndOfEndings(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	part := func(first int) (s Stats) {
		s.Started, s.Draining = noon.Add(time.Duration(first)), first == 1
		for i := range recentKept {
			s.Sessions = append(s.Sessions, SessionStats{ID: uint64(first + 2*i)})
			s.Recent = append(s.Recent, TransferRecord{Ended: noon.Add(-time.Duration(first + 2*i)), Name: fmt.Sprint(first + 2*i)})
		}
		return s
	}
	sum := part(1).Add(part(0))
	require.Len(t, sum.Sessions, 2*recentKept)
	require.Len(t, sum.Recent, recentKept)
	for i := range recentKept {
		require.EqualValues(t, i, sum.Sessions[i].ID)
		require.Equal(t, fmt.Sprint(i), sum.Recent[i].Name)
	}
	assert.True(t, sum.Draining)
	assert.Equal(t, noon.Add(1), sum.Started)
}

func TestTotalsAreWhatIsLeftOfAServer(t *testing.T) {
	var s Stats
	filled(reflect.ValueOf(&s).Elem(), 1)
	s.Sessions = []SessionStats{{ID: 7}}
	got := s.Totals()
	assert.Empty(t, got.Sessions)
	assert.Equal(t, [5]int64{}, [5]int64{got.Uploads.Running, got.Downloads.Running, got.Listings.Running, got.PassiveListeners, got.Stuck})
	assert.EqualValues(t, 1, got.Uploads.Bytes)
	assert.EqualValues(t, 1, got.SessionsTotal)
}
