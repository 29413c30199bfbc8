package monitor

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// sample is one line of the text format.
type sample struct {
	name   string
	labels map[string]string
	order  string // the labels as written
	value  float64
}

// family is one metric: its help, its type and its samples.
type family struct {
	name, help, kind string
	samples          []sample
}

var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.+)\})? (\S+)$`)
	labelPair  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)`)
)

// parseMetrics reads Prometheus' text format strictly: HELP, TYPE, then all samples of
// a family, each family and sample only once.
func parseMetrics(text string) (map[string]*family, error) {
	if !strings.HasSuffix(text, "\n") {
		return nil, errors.New("the last line has no end")
	}
	families := make(map[string]*family)
	var now *family
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		var err error
		switch m := helpLine.FindStringSubmatch(line); {
		case m != nil && families[m[1]] != nil:
			err = errors.New("family comes twice")
		case m != nil:
			now = &family{name: m[1], help: m[2]}
			families[m[1]] = now
		case now == nil:
			err = errors.New("no HELP before")
		default:
			err = now.take(line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d %q: %w", i+1, line, err)
		}
	}
	for _, f := range families {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return families, nil
}

// take reads a line other than HELP.
func (f *family) take(line string) error {
	if m := typeLine.FindStringSubmatch(line); m != nil {
		if m[1] != f.name || f.kind != "" {
			return errors.New("TYPE does not follow its HELP")
		}
		f.kind = m[2]
		return nil
	}
	m := sampleLine.FindStringSubmatch(line)
	if m == nil || f.kind == "" {
		return errors.New("no sample of a family with a type")
	}
	s := sample{name: m[1], order: m[2], labels: make(map[string]string)}
	for rest := m[2]; rest != ""; {
		pair := labelPair.FindStringSubmatch(rest)
		if pair == nil {
			return errors.New("bad label")
		}
		if _, twice := s.labels[pair[1]]; twice {
			return errors.New("label comes twice")
		}
		s.labels[pair[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(pair[2])
		rest = rest[len(pair[0]):]
		if pair[3] == "," && rest == "" {
			return errors.New("comma before the brace")
		}
	}
	var err error
	s.value, err = strconv.ParseFloat(m[3], 64)
	f.samples = append(f.samples, s)
	return err
}

func (f *family) check() error {
	seen := make(map[string]bool)
	for _, s := range f.samples {
		if seen[s.name+s.order] {
			return fmt.Errorf("%s{%s} comes twice", s.name, s.order)
		}
		seen[s.name+s.order] = true
		if f.kind != "histogram" && s.name != f.name {
			return fmt.Errorf("%s is of another family", s.name)
		}
		if f.kind != "gauge" && s.value < 0 {
			return errors.New("counts below zero")
		}
	}
	if (f.kind == "counter") != strings.HasSuffix(f.name, "_total") {
		return errors.New("counters, and nothing else, end in _total")
	}
	if f.kind == "histogram" {
		return f.checkHistogram()
	}
	return nil
}

// checkHistogram checks, for each set of other labels, that bounds ascend, counts are
// cumulative, +Inf comes last and equals _count, and there is a _sum.
func (f *family) checkHistogram() error {
	buckets := make(map[string][]sample)
	totals := make(map[string]float64)
	sums := make(map[string]bool)
	for _, s := range f.samples {
		key := s.labels["direction"]
		switch s.name {
		case f.name + "_bucket":
			buckets[key] = append(buckets[key], s)
		case f.name + "_count":
			totals[key] = s.value
		case f.name + "_sum":
			sums[key] = true
		default:
			return fmt.Errorf("%s is of another family", s.name)
		}
	}
	for key, list := range buckets {
		bound, count := 0.0, 0.0
		for _, s := range list {
			le, err := strconv.ParseFloat(s.labels["le"], 64)
			if err != nil || le <= bound || s.value < count {
				return fmt.Errorf("bucket %s of %s is out of order", s.labels["le"], key)
			}
			bound, count = le, s.value
		}
		if list[len(list)-1].labels["le"] != "+Inf" || count != totals[key] || !sums[key] {
			return fmt.Errorf("%s does not add up", key)
		}
	}
	return nil
}
