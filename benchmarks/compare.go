package main

import (
	"errors"
	"fmt"
	"log"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"
)

// compare measures all servers in turn, round by round, so that other load on the machine
// affects them equally.
func compare(o options) error {
	began := time.Now()
	ws := workloads()
	found := make(map[string]map[string][]result) // by server, by workload
	memory := make(map[string][]float64)
	for round := range o.rounds {
		order := slices.Clone(o.servers)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, name := range order {
			log.Printf("round %d: %s", round+1, name)
			if found[name] == nil {
				found[name] = make(map[string][]result)
			}
			for _, secure := range []bool{false, true} {
				err := o.serve(name, secure, func(s *server) {
					for _, w := range ws {
						if w.secure == secure {
							r := w.measure(s, o.scale)
							log.Printf("  %-45s %10.1f %s %v", w.title, r.cpu, w.unit, orNothing(r.err))
							found[name][w.title] = append(found[name][w.title], r)
						}
					}
				})
				if err != nil {
					log.Printf("  left out: %v", err)
				}
			}
			if kib, err := o.idleMemory(name, int(2000*min(o.scale, 1))); err == nil {
				memory[name] = append(memory[name], kib)
			}
		}
	}
	return o.report(ws, found, memory, time.Since(began))
}

func orNothing(err error) any {
	if err == nil {
		return ""
	}
	return err
}

// serve runs a server during work.
func (o options) serve(name string, secure bool, work func(*server)) error {
	s, err := o.start(name, secure)
	if err != nil {
		return err
	}
	defer s.stop()
	work(s)
	return nil
}

// report writes the table, and a plot for each of its rows.
func (o options) report(
	ws []workload, found map[string]map[string][]result, memory map[string][]float64, took time.Duration,
) error {
	names := slices.DeleteFunc(slices.Clone(o.servers), func(n string) bool { return len(found[n]) == 0 })
	var b strings.Builder
	fmt.Fprintf(&b, "Server CPU per operation, its whole process tree, medians of %d rounds (smallest to largest); "+
		"%d CPUs, %s, %.0f minutes. Lower is better.\n\n",
		o.rounds, runtime.NumCPU(), time.Now().Format(time.DateOnly), took.Minutes())
	b.WriteString("| | " + strings.Join(names, " | ") + " |\n|---|" + strings.Repeat("--:|", len(names)) + "\n")
	row := func(title, unit, file string, of func(name string) []float64) error {
		values := make([][]float64, len(names))
		for i, n := range names {
			values[i] = of(n)
		}
		b.WriteString(tableRow(title, unit, values))
		medians := make([]float64, len(names))
		for i, v := range values {
			medians[i] = median(v)
		}
		return o.write(file+".svg", bars(title+", "+unit, names, medians))
	}
	for i, w := range ws {
		err := row(w.title, w.unit, fmt.Sprintf("%02d", i+1), func(name string) (all []float64) {
			for _, r := range found[name][w.title] {
				if r.err == nil {
					all = append(all, r.cpu)
				}
			}
			return all
		})
		if err != nil {
			return err
		}
	}
	err := row("idle session, PSS", "KiB", fmt.Sprintf("%02d", len(ws)+1),
		func(name string) []float64 { return memory[name] })
	return errors.Join(err, o.write("compare.md", b.String()))
}

// tableRow formats a row of the table and marks the best value.
func tableRow(title, unit string, values [][]float64) string {
	best := math.Inf(1)
	for _, v := range values {
		if m := median(v); m < best {
			best = m
		}
	}
	var b strings.Builder
	b.WriteString("| " + title + ", " + unit + " |")
	for _, v := range values {
		m := median(v)
		switch cell := number(m); {
		case len(v) == 0:
			b.WriteString(" – |")
		case m == best:
			b.WriteString(" **" + cell + "**" + span(v) + " |")
		default:
			b.WriteString(" " + cell + span(v) + " |")
		}
	}
	return b.String() + "\n"
}

func span(v []float64) string {
	if len(v) < 2 {
		return ""
	}
	return " <sub>" + number(slices.Min(v)) + "–" + number(slices.Max(v)) + "</sub>"
}

func number(x float64) string {
	if x < 100 {
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// median returns NaN for an empty list; NaN never wins a comparison.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
