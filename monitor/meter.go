package monitor

import (
	"time"

	"github.com/paradiseftp/paradise"
)

// Point is one moment of the plots.
type Point struct {
	Time      time.Time `json:"t"`
	Up        float64   `json:"up"`   // bytes per second
	Down      float64   `json:"down"` // bytes per second, listings included
	Sessions  int       `json:"sessions"`
	Transfers int64     `json:"transfers"`
}

const (
	plotted = 5 * time.Minute            // how far the plots look back
	points  = int(plotted / time.Second) // how many points that is
)

// meter turns counts into rates and keeps the history of the plots. It is not safe for
// concurrent use.
type meter struct {
	last   *Snapshot            // the last one that was added to past
	past   []Point              // oldest first
	down   int64                // bytes downloaded and listed, at last
	moving map[uint64]*Transfer // by session, at last
}

// measure takes a snapshot, with rates since the last one. If that is less than fresh
// ago, rates would be noise: measure then repeats the last rates and adds no point.
func (m *meter) measure(own paradise.Stats, others ...Generation) *Snapshot {
	s := snapshot(own, others...)
	down := s.Downloads.Bytes + s.Listings.Bytes
	if m.last != nil && s.Now.Sub(m.last.Now) < fresh {
		s.UpRate, s.DownRate = m.last.UpRate, m.last.DownRate
		m.rateTransfers(s, func(before, _ *Transfer) float64 { return before.Rate })
		return s
	}
	if m.last != nil {
		passed := s.Now.Sub(m.last.Now)
		s.UpRate = rate(s.Uploads.Bytes-m.last.Uploads.Bytes, passed)
		s.DownRate = rate(down-m.down, passed)
	}
	moving := m.rateTransfers(s, func(before, now *Transfer) float64 {
		return rate(now.Bytes-before.Bytes, s.Now.Sub(m.last.Now))
	})
	m.last, m.down, m.moving = s, down, moving
	m.past = append(m.past, Point{Time: s.Now, Up: s.UpRate, Down: s.DownRate, Sessions: s.Clients,
		Transfers: s.Uploads.Running + s.Downloads.Running})
	m.forget(s.Now.Add(-plotted))
	return s
}

// rateTransfers sets the rates of all transfers: by known if a transfer was already
// running at the last snapshot, else its average since its start. It returns the
// transfers by session.
func (m *meter) rateTransfers(s *Snapshot, known func(before, now *Transfer) float64) map[uint64]*Transfer {
	moving := make(map[uint64]*Transfer)
	for c := range s.everySession {
		t := c.Transfer
		if t == nil {
			continue
		}
		moving[c.ID] = t
		if before := m.moving[c.ID]; before != nil && before.Started.Equal(t.Started) {
			t.Rate = known(before, t)
		} else {
			t.Rate = rate(t.Bytes, s.Now.Sub(t.Started))
		}
	}
	return moving
}

// forget drops the points before a moment, and bounds the number of points.
func (m *meter) forget(before time.Time) {
	n := max(0, len(m.past)-2*points)
	for n < len(m.past) && m.past[n].Time.Before(before) {
		n++
	}
	m.past = append(m.past[:0], m.past[n:]...)
}

// rate returns bytes per second.
func rate(bytes int64, passed time.Duration) float64 {
	if passed <= 0 || bytes <= 0 {
		return 0
	}
	return float64(bytes) / passed.Seconds()
}
