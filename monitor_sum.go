package paradise

import (
	"cmp"
	"maps"
	"slices"
)

// Add returns s with what o counts, and with o's sessions and recent transfers:
// one truth for several servers, such as the processes of a restart. Now, Started
// and Draining stay those of s.
func (s Stats) Add(o Stats) Stats {
	s.Sessions = slices.Concat(s.Sessions, o.Sessions)
	slices.SortStableFunc(s.Sessions, func(a, b SessionStats) int { return cmp.Compare(a.ID, b.ID) })
	s.SessionsTotal += o.SessionsTotal
	s.Logins = s.Logins.add(o.Logins)
	s.Commands = addCounts(s.Commands, o.Commands)
	s.Uploads = s.Uploads.add(o.Uploads)
	s.Downloads = s.Downloads.add(o.Downloads)
	s.Listings = s.Listings.add(o.Listings)
	s.PassiveListeners += o.PassiveListeners
	s.Handshakes = s.Handshakes.add(o.Handshakes)
	s.DataTLS = s.DataTLS.add(o.DataTLS)
	s.Refused = addCounts(s.Refused, o.Refused)
	s.Panics += o.Panics
	s.Stuck += o.Stuck
	s.Unexpected += o.Unexpected
	s.Recent = slices.Concat(s.Recent, o.Recent)
	slices.SortStableFunc(s.Recent, func(a, b TransferRecord) int { return b.Ended.Compare(a.Ended) })
	s.Recent = s.Recent[:min(len(s.Recent), recentKept)]
	return s
}

// Totals returns what of s outlives its server: the counts, and the recent
// transfers. Nothing runs any more, and nobody is there.
func (s Stats) Totals() Stats {
	s.Sessions = nil
	s.Uploads.Running, s.Downloads.Running, s.Listings.Running = 0, 0, 0
	s.PassiveListeners, s.Stuck = 0, 0
	return s
}

func (t TransferStats) add(o TransferStats) TransferStats {
	t.Running += o.Running
	t.Done += o.Done
	t.Failed += o.Failed
	t.Bytes += o.Bytes
	t.Durations = addDurations(t.Durations, o.Durations)
	t.Duration += o.Duration
	return t
}

func (a Attempts) add(o Attempts) Attempts { return Attempts{a.Done + o.Done, a.Failed + o.Failed} }

// addDurations goes by the bounds: what another process left may have had others.
func addDurations(a, b []DurationCount) []DurationCount {
	sum := slices.Clone(a)
	for _, d := range b {
		if i := slices.IndexFunc(sum, func(s DurationCount) bool { return s.UpTo == d.UpTo }); i >= 0 {
			sum[i].Count += d.Count
		} else {
			sum = append(sum, d)
		}
	}
	// The one without a bound, 0, is the last.
	slices.SortFunc(sum, func(x, y DurationCount) int { return cmp.Compare(uint64(x.UpTo-1), uint64(y.UpTo-1)) })
	return sum
}

func addCounts(a, b map[string]int64) map[string]int64 {
	sum := maps.Clone(a)
	if sum == nil {
		sum = make(map[string]int64, len(b))
	}
	for key, n := range b {
		sum[key] += n
	}
	return sum
}
