package main

import (
	"github.com/paradiseftp/paradise/auth/webhook"
	"github.com/paradiseftp/paradise/monitor"
)

// metrics returns the metrics of this program, in addition to those of the server.
func (s *service) metrics() []monitor.Metric {
	list := family("paradise_log_lines_dropped_total",
		"Lines of a log that nobody read, or that could not be written, by log.", "log",
		sample{"log", s.lines.Dropped()}, sample{"xferlog", s.xfers.dropped()})
	if d, ok := s.users.current.Load().service.(*webhook.Driver); ok {
		n := d.Counts()
		list = append(list, family("paradise_auth_requests_total", "Logins asked of -auth-url, by how they ended.", "result",
			sample{"verdict", n.Verdicts}, sample{"refused", n.Refused}, sample{"senseless", n.Senseless},
			sample{"outage", n.Outages}, sample{"busy", n.Busy}, sample{"paused", n.Paused})...)
	}
	if u := s.files.uploads; u != nil && u.sink != nil {
		list = append(list,
			family("paradise_webhook_records_total", "Uploads told to -on-upload, or put aside since it refused them.", "result",
				sample{"delivered", u.sink.Delivered()}, sample{"put_aside", u.sink.GivenUp()})...)
	}
	return list
}

// sample is one value of a family, with the value of its label.
type sample struct {
	value string
	n     uint64
}

func family(name, help, label string, samples ...sample) (list []monitor.Metric) {
	for _, s := range samples {
		list = append(list, monitor.Metric{Name: name, Help: help, Label: label, Value: s.value, N: int64(s.n)})
	}
	return list
}
