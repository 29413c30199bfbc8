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

// plotted is how far the plots look back, and how many points that is.
const (
	plotted = 5 * time.Minute
	points  = int(plotted / time.Second)
)

// meter turns counts into rates and keeps the plots' past. Its owner locks.
type meter struct {
	last *Snapshot
	past []Point // oldest first
	down int64   // bytes, at last
	sent map[uint64]*Transfer
}

// measure makes a snapshot with rates since the last one.
func (m *meter) measure(st paradise.Stats) *Snapshot {
	s := snapshot(st)
	down := st.Downloads.Bytes + st.Listings.Bytes
	sent := make(map[uint64]*Transfer)
	for _, c := range s.Sessions {
		if c.Transfer == nil {
			continue
		}
		sent[c.ID] = c.Transfer
		c.Transfer.Rate = m.transferRate(m.sent[c.ID], c.Transfer, s.Now)
	}
	if m.last != nil {
		passed := s.Now.Sub(m.last.Now)
		s.UpRate = rate(s.Uploads.Bytes-m.last.Uploads.Bytes, passed)
		s.DownRate = rate(down-m.down, passed)
	}
	m.last, m.down, m.sent = s, down, sent
	m.past = append(m.past, Point{Time: s.Now, Up: s.UpRate, Down: s.DownRate, Sessions: s.Clients,
		Transfers: s.Uploads.Running + s.Downloads.Running})
	m.forget(s.Now.Add(-plotted))
	return s
}

// transferRate is since the last snapshot if the transfer ran then, since its
// begin otherwise.
func (m *meter) transferRate(before, now *Transfer, at time.Time) float64 {
	if before == nil || !before.Started.Equal(now.Started) {
		return rate(now.Bytes, at.Sub(now.Started))
	}
	return rate(now.Bytes-before.Bytes, at.Sub(m.last.Now))
}

// forget drops points before a moment, and keeps their number in bounds.
func (m *meter) forget(before time.Time) {
	n := max(0, len(m.past)-2*points)
	for n < len(m.past) && m.past[n].Time.Before(before) {
		n++
	}
	m.past = append(m.past[:0], m.past[n:]...)
}

// rate is bytes per second.
func rate(bytes int64, passed time.Duration) float64 {
	if passed <= 0 || bytes <= 0 {
		return 0
	}
	return float64(bytes) / passed.Seconds()
}
