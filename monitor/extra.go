package monitor

import "strings"

// Metric is one sample that the host program adds to /metrics.
type Metric struct {
	// Name is the name of the metric family: letters, digits and underscores, not
	// starting with a digit. The name of a counter ends with _total. Names that the
	// monitor itself uses are not allowed. Samples of one family must follow each
	// other and differ in Value.
	Name string

	// Help is a sentence that explains the family. Only the first sample's is used.
	Help string

	// Gauge marks a value that may also decrease. False: a counter.
	Gauge bool

	// Label and Value distinguish the samples of a family. Value must come from a
	// fixed set: never a user, a path or an address. Empty: no label.
	Label, Value string

	// N is the value of the sample.
	N int64
}

// extra writes the host program's metrics.
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
