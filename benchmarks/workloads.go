package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// workload is one row of the table.
type workload struct {
	title   string
	unit    string // unit of the server's CPU per operation
	perUnit float64
	secure  bool
	clients int
	seconds float64 // how long, if count is zero
	count   int     // number of operations
	size    int64   // bytes of an operation, if the CPU is given per GB
	prepare func(root string, size int64) error
	op      func(c *client, w *workload, id int) error
}

const (
	mib     = 1 << 20
	entries = 10_000
)

func workloads() []workload {
	const micro, milli = 1e6, 1e3
	return []workload{
		{title: "login and QUIT, 32 clients", unit: "µs", perUnit: micro, clients: 32, seconds: 3},
		{title: "STOR + RETR + DELE of 1 KiB, 32 clients", unit: "µs", perUnit: micro, clients: 32, seconds: 3,
			op: smallCycle},
		{title: "STOR of 1 GiB", unit: "ms/GB", perUnit: milli, clients: 1, count: 2, size: 1024 * mib, op: upload},
		{title: "STOR of 64 MiB, 8 clients", unit: "ms/GB", perUnit: milli, clients: 8, count: 32,
			size: 64 * mib, op: upload},
		{title: "RETR of 1 GiB", unit: "ms/GB", perUnit: milli, clients: 1, count: 4, size: 1024 * mib, prepare: bigFile,
			op: download},
		{title: "RETR of 64 MiB, 8 clients", unit: "ms/GB", perUnit: milli, clients: 8, count: 64, size: 64 * mib,
			prepare: bigFile, op: download},
		{title: "LIST of 10,000", unit: "ms", perUnit: milli, clients: 1, count: 12, prepare: manyFiles,
			op: listing("LIST list")},
		{title: "MLSD of 10,000", unit: "ms", perUnit: milli, clients: 1, count: 12, prepare: manyFiles,
			op: listing("MLSD list")},
		{title: "TLS: login and QUIT, 16 clients", unit: "µs", perUnit: micro, secure: true, clients: 16, seconds: 3},
		{title: "TLS: STOR + RETR + DELE of 1 KiB, 16 clients", unit: "µs", perUnit: micro, secure: true, clients: 16,
			seconds: 3, op: smallCycle},
		{title: "TLS: STOR of 512 MiB", unit: "ms/GB", perUnit: milli, secure: true, clients: 1, count: 2,
			size: 512 * mib, op: upload},
		{title: "TLS: RETR of 512 MiB", unit: "ms/GB", perUnit: milli, secure: true, clients: 1, count: 2, size: 512 * mib,
			prepare: bigFile, op: download},
	}
}

// block is the data that uploads repeat.
var block = make([]byte, mib)

func smallCycle(c *client, _ *workload, id int) error {
	name := fmt.Sprintf("small-%d", id)
	if err := c.store(name, block, 1024); err != nil {
		return err
	}
	if n, _, err := c.fetch("RETR "+name, nil); err != nil || n != 1024 {
		return fmt.Errorf("RETR brought %d bytes: %w", n, orShort(err))
	}
	_, err := c.cmd("250", "DELE "+name)
	return err
}

func upload(c *client, w *workload, id int) error {
	return c.store(fmt.Sprintf("upload-%d", id), block, w.size)
}

func download(c *client, w *workload, _ int) error {
	n, _, err := c.fetch("RETR big", nil)
	if n != w.size {
		return fmt.Errorf("RETR brought %d bytes: %w", n, orShort(err))
	}
	return err
}

func listing(command string) func(*client, *workload, int) error {
	return func(c *client, _ *workload, _ int) error {
		lines := &lineCounter{}
		if _, _, err := c.fetch(command, lines); err != nil {
			return err
		}
		if lines.n < entries {
			return fmt.Errorf("%s brought %d lines", command, lines.n)
		}
		return nil
	}
}

type lineCounter struct{ n int }

func (l *lineCounter) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			l.n++
		}
	}
	return len(p), nil
}

func orShort(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// bigFile creates the file for downloads.
func bigFile(root string, size int64) error {
	f, err := os.Create(filepath.Join(root, "big"))
	if err != nil {
		return err
	}
	defer f.Close()
	for n := int64(0); n < size; n += mib {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return f.Chmod(0o644)
}

func manyFiles(root string, _ int64) error {
	dir := filepath.Join(root, "list")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range entries {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file-%05d.dat", i)), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// result is the cost of a workload: the server's CPU time and the elapsed time.
type result struct {
	cpu, rate float64
	err       error
}

// measure runs a workload on a server.
func (w workload) measure(s *server, scale float64) result {
	if w.prepare != nil {
		if err := w.prepare(s.root, w.size); err != nil {
			return result{err: err}
		}
	}
	end := time.Now().Add(time.Duration(w.seconds * scale * float64(time.Second)))
	count := int64(math.Ceil(float64(w.count) * scale))
	var begun, done atomic.Int64
	more := func() bool {
		if w.count > 0 {
			return begun.Add(1) <= count
		}
		return time.Now().Before(end)
	}
	cpu, began := s.cpu(), time.Now()
	failed := make(chan error, w.clients)
	var all sync.WaitGroup
	for id := range w.clients {
		all.Go(func() {
			if err := w.run(s.addr, id, more, &done); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	took := time.Since(began).Seconds()
	n := float64(done.Load())
	select {
	case err := <-failed:
		return result{err: err}
	default:
	}
	if w.size > 0 {
		n *= float64(w.size) / 1e9
	}
	return result{cpu: (s.cpu() - cpu) / n * w.perUnit, rate: n / took}
}

// run runs one client. Without an operation, it measures the login itself.
func (w workload) run(addr string, id int, more func() bool, done *atomic.Int64) error {
	var c *client
	var err error
	if w.op != nil {
		if c, err = dial(addr, w.secure, nil); err != nil {
			return err
		}
		defer c.quit()
	}
	for more() {
		if w.op == nil {
			if c, err = dial(addr, w.secure, nil); err != nil {
				return err
			}
			c.quit()
		} else if err := w.op(c, &w, id); err != nil {
			return err
		}
		done.Add(1)
	}
	return nil
}
