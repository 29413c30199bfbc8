package paradise

import "sync/atomic"

// direction is which way a job's bytes go.
type direction uint8

const (
	dirNone direction = iota
	dirUpload
	dirDownload
	dirListing
)

// counters are the server's totals. Stats reads them without waiting.
type counters struct {
	sessions    atomic.Int64 // opened ever
	logins      atomic.Int64
	failed      atomic.Int64 // logins
	panics      atomic.Int64
	unexpected  atomic.Int64 // replies that the command table does not allow
	listeners   atomic.Int64 // passive, open now
	nextChannel atomic.Uint64
	handshakes  [2]atomic.Int64 // failed, done
	secured     [2]atomic.Int64 // the same of data connections
	refused     [refusalCount]atomic.Int64
	running     [4]atomic.Int64 // by direction
	ended       [4][2]atomic.Int64
	bytes       [4]atomic.Int64
	durations   [4][durationBuckets]atomic.Int64
	duration    [4]atomic.Int64 // sums
	recent      recentTransfers
}

func (k *counters) refuse(why refusal) { k.refused[why].Add(1) }

func (k *counters) handshake(ok bool) { k.handshakes[index(ok)].Add(1) }

func (k *counters) dataHandshake(ok bool) { k.secured[index(ok)].Add(1) }

// index is where a result is counted.
func index(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

func attempts(k *[2]atomic.Int64) Attempts { return Attempts{Done: k[1].Load(), Failed: k[0].Load()} }
