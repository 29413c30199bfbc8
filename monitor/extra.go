package monitor

import "strings"

// Metric is a figure of the host program's own, for /metrics.
type Metric struct {
	// Name is that of the family: letters, digits and underscores, not beginning with
	// a digit; a counter's ends with _total. No name of the monitor's own. Samples of
	// one family follow each other and differ in Value.
	Name string

	// Help is a sentence about the family; the first sample's counts.
	Help string

	// Gauge is for what may go down. Zero: a counter.
	Gauge bool

	// Label and Value tell samples of a family apart. Values are from a fixed set:
	// never a user, a path or an address. Empty: no label.
	Label, Value string

	// N is the figure.
	N int64
}

// extra writes the host program's figures.
func (m *metricWriter) extra(list []Metric) {
	for i, x := range list {
		if i == 0 || list[i-1].Name != x.Name {
			m.begin(x.Name, x.kind(), strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(x.Help))
		}
		if x.Label == "" {
			m.add(x.N)
			continue
		}
		m.add(x.N, x.Label, x.Value)
	}
}

func (x *Metric) kind() string {
	if x.Gauge {
		return "gauge"
	}
	return "counter"
}
