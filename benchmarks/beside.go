package main

import (
	"fmt"
	"log"
	"time"
)

// beside compares a large download alone with one beside many idle sessions, alternating
// between two servers of the same kind.
func beside(o options) error {
	n := o.sessions
	if n == 0 {
		n = 10_000
	}
	alone, err := o.start("paradise", false)
	if err != nil {
		return err
	}
	defer alone.stop()
	crowded, err := o.start("paradise", false)
	if err != nil {
		return err
	}
	defer crowded.stop()
	c := &crowd{}
	defer c.leave()
	if err := c.add(crowded.addr, n); err != nil {
		return err
	}
	time.Sleep(settle)
	var rates, cpus [2][]float64
	for round := range max(o.rounds, 1) * 2 {
		for i, s := range []*server{alone, crowded} {
			w := workload{clients: 1, count: 2, size: 1024 * mib, prepare: bigFile, op: download, perUnit: 1e3}
			if round > 0 {
				w.prepare = nil
			}
			r := w.measure(s, o.scale)
			if r.err != nil {
				return r.err
			}
			rates[i], cpus[i] = append(rates[i], r.rate), append(cpus[i], r.cpu)
			log.Printf("%d idle: %.2f GB/s, %.0f ms/GB", i*n, r.rate, r.cpu)
		}
	}
	if err := c.alive(); err != nil {
		return err
	}
	text := fmt.Sprintf("| RETR of 1 GiB | alone | beside %d idle sessions | kept |\n|---|--:|--:|--:|\n"+
		"| GB/s | %.2f | %.2f | %.0f %% |\n| server CPU, ms/GB | %.0f | %.0f | |\n\nAll %[1]d answered once more.\n", n,
		median(rates[0]), median(rates[1]), 100*median(rates[1])/median(rates[0]), median(cpus[0]), median(cpus[1]))
	return o.write("beside.md", text)
}
