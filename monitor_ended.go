package paradise

import (
	"sync"
	"time"
)

// TransferRecord is an upload or download that has ended, for people. Names and
// texts are cut at 64 bytes.
type TransferRecord struct {
	Session  uint64
	User     string
	Verb     string
	Name     string // virtual path
	Upload   bool
	Bytes    int64 // on the wire
	Ended    time.Time
	Duration time.Duration
	Code     int    // of the final reply
	Text     string // of it: what the client was told
}

// recentKept is how many ended transfers are remembered.
const recentKept = 50

// recentTransfers is a ring of those that ended last.
type recentTransfers struct {
	mu    sync.Mutex
	ring  [recentKept]TransferRecord
	total int // ever added
}

func (r *recentTransfers) add(rec TransferRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.total%recentKept] = rec
	r.total++
}

// list is newest first.
func (r *recentTransfers) list() []TransferRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []TransferRecord
	for i := r.total - 1; i >= max(0, r.total-recentKept); i-- {
		all = append(all, r.ring[i%recentKept])
	}
	return all
}

// durationBounds are the upper bounds of all buckets but the last.
var durationBounds = [durationBuckets - 1]time.Duration{
	10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 30 * time.Minute,
}

const durationBuckets = 12

// DurationCount is the number of transfers that took up to UpTo, and longer than the
// UpTo before. The last one of [TransferStats].Durations has no bound: UpTo is 0.
type DurationCount struct {
	UpTo  time.Duration
	Count int64
}

// took counts a transfer's duration.
func (k *counters) took(way direction, d time.Duration) {
	i := 0
	for i < len(durationBounds) && d > durationBounds[i] {
		i++
	}
	k.durations[way][i].Add(1)
	k.duration[way].Add(int64(d))
}

func (k *counters) transfers(d direction) TransferStats {
	s := TransferStats{
		Running:  k.running[d].Load(),
		Done:     k.ended[d][1].Load(),
		Failed:   k.ended[d][0].Load(),
		Bytes:    k.bytes[d].Load(),
		Duration: time.Duration(k.duration[d].Load()),
	}
	s.Durations = make([]DurationCount, durationBuckets)
	for i, bound := range durationBounds {
		s.Durations[i].UpTo = bound
	}
	for i := range k.durations[d] {
		s.Durations[i].Count = k.durations[d][i].Load()
	}
	return s
}

// transferEnded counts a transfer and remembers it; listings are only counted, they
// would drive out what people look for.
func (k *counters) transferEnded(way direction, e *TransferEvent, text string) {
	k.ended[way][index(e.Code < 400)].Add(1)
	k.took(way, e.Duration)
	if way == dirListing {
		return
	}
	k.recent.add(TransferRecord{
		Session:  e.Session.ID,
		User:     displayed(e.Session.User.Name),
		Verb:     e.Verb,
		Name:     displayed(e.Name),
		Upload:   e.Upload,
		Bytes:    e.Bytes,
		Ended:    e.Started.Add(e.Duration),
		Duration: e.Duration,
		Code:     e.Code,
		Text:     displayed(text),
	})
}
