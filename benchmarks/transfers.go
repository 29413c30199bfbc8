package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// transfers keeps many uploads and downloads of 1 MiB running at once, and checks all bytes
// by SHA-256: of uploads those in the folder.
func transfers(o options) error {
	n := o.sessions
	if n == 0 {
		n = 2000
	}
	s, err := o.start("paradise", false)
	if err != nil {
		return err
	}
	defer s.stop()
	for i := range files {
		if err := os.WriteFile(filepath.Join(s.root, fileName(i)), content(i), 0o644); err != nil {
			return err
		}
	}
	const processes = 2
	reports := make([]report, processes)
	failed := make([]error, processes)
	var all sync.WaitGroup
	for i := range processes {
		all.Go(func() { reports[i], failed[i] = o.generate(s, n/processes, i) })
	}
	cpu := s.cpu()
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	var sum report
	for _, r := range reports {
		sum.Stored, sum.Fetched, sum.Wrong = sum.Stored+r.Stored, sum.Fetched+r.Fetched, sum.Wrong+r.Wrong
		sum.Errors = append(sum.Errors, r.Errors...)
		sum.FirstByte = append(sum.FirstByte, r.FirstByte...)
	}
	slices.Sort(sum.FirstByte)
	text := fmt.Sprintf("%d transfers of 1 MiB at once for %v, each taking %v at least: %d stored, %d fetched, %d with a wrong SHA-256, %d errors.\n"+
		"To the first byte of a download: median %.0f ms, 99 %% within %.0f ms, longest %.0f ms. Server CPU: %.0f s.\n",
		n, o.duration, o.pace, sum.Stored, sum.Fetched, sum.Wrong, len(sum.Errors),
		quantile(sum.FirstByte, .5), quantile(sum.FirstByte, .99), quantile(sum.FirstByte, 1), s.cpu()-cpu)
	if sum.Wrong > 0 || len(sum.Errors) > 0 {
		return fmt.Errorf("%s%v", text, sum.Errors[:min(len(sum.Errors), 5)])
	}
	return o.write("transfers.md", text)
}

// report is the result of one generator.
type report struct {
	Stored, Fetched, Wrong int
	FirstByte              []float64 // ms
	Errors                 []string
}

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func (o options) generate(s *server, n, number int) (report, error) {
	var r report
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	cmd := exec.Command(self, "store", "--", s.addr, s.root, strconv.Itoa(n), strconv.Itoa(number), o.duration.String(),
		o.pace.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(out, &r)
}

// files are the files for downloads; uploads have the same contents.
const files = 16

func fileName(i int) string { return fmt.Sprintf("file-%d", i) }

// content returns 1 MiB that is different for each number.
func content(number int) []byte {
	p := make([]byte, mib)
	rand.NewChaCha8([32]byte{byte(number)}).Read(p)
	return p
}

// storeAndFetch runs in a generator. Its arguments are address, folder, clients, number,
// duration and pace.
func storeAndFetch(args []string) error {
	n, nerr := strconv.Atoi(args[2])
	number, merr := strconv.Atoi(args[3])
	d, derr := time.ParseDuration(args[4])
	pace, perr := time.ParseDuration(args[5])
	if err := errors.Join(nerr, merr, derr, perr); err != nil {
		return err
	}
	g := &generator{addr: args[0], root: args[1], number: number, pace: pace, end: time.Now().Add(d)}
	for i := range files {
		g.blocks[i] = content(i)
		g.sums[i] = sha256.Sum256(g.blocks[i])
	}
	var all sync.WaitGroup
	for id := range n {
		all.Go(func() {
			if err := g.loop(id); err != nil {
				g.note(func(r *report) { r.Errors = append(r.Errors, err.Error()) })
			}
		})
	}
	all.Wait()
	return json.NewEncoder(os.Stdout).Encode(g.report)
}

type generator struct {
	addr, root string
	number     int
	end        time.Time
	pace       time.Duration
	blocks     [files][]byte
	sums       [files][sha256.Size]byte
	mu         sync.Mutex
	report     report
}

func (g *generator) note(change func(*report)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.report)
}

// loop is one client: half of them store, half fetch.
func (g *generator) loop(id int) error {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 2, byte(1+g.number))}
	c, err := dial(g.addr, false, from)
	if err != nil {
		return err
	}
	defer c.quit()
	c.pace = g.pace
	time.Sleep(rand.N(g.pace + 1)) // so that clients do not run in step
	for i := 0; time.Now().Before(g.end); i++ {
		if id%2 == 0 {
			err = g.store(c, id, (id+i)%files)
		} else {
			err = g.fetch(c, (id+i)%files)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// store uploads a content that differs from the previous one, and checks the file.
func (g *generator) store(c *client, id, which int) error {
	name := fmt.Sprintf("up-%d-%d", g.number, id)
	if err := c.store(name, g.blocks[which], mib); err != nil {
		return fmt.Errorf("STOR: %w", err)
	}
	got, err := os.ReadFile(filepath.Join(g.root, name))
	if err != nil {
		return err
	}
	right := sha256.Sum256(got) == g.sums[which]
	g.note(func(r *report) {
		r.Stored++
		if !right {
			r.Wrong++
		}
	})
	return nil
}

func (g *generator) fetch(c *client, file int) error {
	h := sha256.New()
	_, first, err := c.fetch("RETR "+fileName(file), h)
	if err != nil {
		return fmt.Errorf("RETR: %w", err)
	}
	right := bytes.Equal(h.Sum(nil), g.sums[file][:])
	g.note(func(r *report) {
		r.Fetched++
		r.FirstByte = append(r.FirstByte, float64(first)/float64(time.Millisecond))
		if !right {
			r.Wrong++
		}
	})
	return nil
}
