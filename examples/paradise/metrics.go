package main

import "github.com/paradiseftp/paradise/monitor"

// metrics are the program's own, beside those of the server.
func (s *service) metrics() []monitor.Metric {
	const name, help = "paradise_log_lines_dropped_total", "Lines of a log that nobody read, or that could not be written, by log."
	return []monitor.Metric{
		{Name: name, Help: help, Label: "log", Value: "log", N: int64(s.lines.Dropped())},
		{Name: name, Help: help, Label: "log", Value: "xferlog", N: int64(s.xfers.dropped())},
	}
}
