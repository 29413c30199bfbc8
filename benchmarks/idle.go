package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// crowd is a number of sessions that other processes hold, so that the client ends are
// neither measured nor among this process's descriptors.
type crowd struct{ holders []*holder }

type holder struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	n   int
}

// perHolder is the most sessions of one process, within common limits of descriptors.
const perHolder = 5000

// add opens n more sessions.
func (c *crowd) add(addr string, n int) error {
	for n > 0 {
		part := min(n, perHolder)
		h, err := startHolder(addr, part, len(c.holders))
		if err != nil {
			return err
		}
		c.holders = append(c.holders, h)
		n -= part
	}
	return nil
}

func startHolder(addr string, n, number int) (*holder, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "hold", "--", addr, strconv.Itoa(n), fmt.Sprintf("127.0.1.%d", number+1))
	cmd.Stderr = os.Stderr
	in, ierr := cmd.StdinPipe()
	out, oerr := cmd.StdoutPipe()
	if err := errors.Join(ierr, oerr, cmd.Start()); err != nil {
		return nil, err
	}
	h := &holder{cmd: cmd, in: in, out: bufio.NewReader(out), n: n}
	return h, h.expect("ready " + strconv.Itoa(n))
}

func (h *holder) expect(want string) error {
	line, err := h.out.ReadString('\n')
	if line = strings.TrimSpace(line); line != want {
		return fmt.Errorf("a holder of sessions said %q in place of %q: %w", line, want, orShort(err))
	}
	return nil
}

// alive asks every session for one more answer.
func (c *crowd) alive() error {
	for _, h := range c.holders {
		io.WriteString(h.in, "check\n")
		if err := h.expect("alive " + strconv.Itoa(h.n)); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) leave() {
	for _, h := range c.holders {
		h.in.Close()
		h.cmd.Wait()
	}
	c.holders = nil
}

// hold runs in a process that holds sessions. Its arguments are the address, the number of
// sessions and the source address.
func hold(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	from := &net.TCPAddr{IP: net.ParseIP(args[2])}
	clients := make([]*client, n)
	var all sync.WaitGroup
	places := make(chan struct{}, 16)
	for i := range clients {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			c, err := dial(args[0], false, from)
			if err != nil {
				log.Print(err)
				return
			}
			clients[i] = c
		})
	}
	all.Wait()
	fmt.Println("ready", count(clients, func(*client) bool { return true }))
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		fmt.Println("alive", count(clients, func(c *client) bool {
			_, err := c.cmd("200", "NOOP")
			return err == nil
		}))
	}
	return nil
}

func count(clients []*client, is func(*client) bool) (n int) {
	for _, c := range clients {
		if c != nil && is(c) {
			n++
		}
	}
	return n
}

// settle is how long sessions are idle before their memory is measured.
const settle = time.Second

// idleMemory returns the memory that a server uses for each of n idle sessions.
func (o options) idleMemory(name string, n int) (kib float64, err error) {
	s, err := o.start(name, false)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	before := s.memory()
	c := &crowd{}
	defer c.leave()
	if err := c.add(s.addr, n); err != nil {
		return 0, err
	}
	time.Sleep(settle)
	return (s.memory() - before) / float64(n), c.alive()
}

// sessions measures one process with more and more idle sessions.
func sessions(o options) error {
	steps := []int{100, 500, 1000, 2000, 5000, 10_000, 15_000}
	most := o.sessions
	if most == 0 {
		most = steps[len(steps)-1]
	}
	s, err := o.start("paradise", false)
	if err != nil {
		return err
	}
	defer s.stop()
	c := &crowd{}
	defer c.leave()
	before, open := s.memory(), 0
	var x, kib, micros []float64
	text := "| idle sessions | PSS, KiB each | CPU to open one, µs |\n|--:|--:|--:|\n"
	for _, n := range steps {
		if n > most {
			break
		}
		cpu := s.cpu()
		if err := c.add(s.addr, n-open); err != nil {
			return err
		}
		used := (s.cpu() - cpu) / float64(n-open) * 1e6
		open = n
		time.Sleep(settle)
		each := (s.memory() - before) / float64(n)
		x, kib, micros = append(x, float64(n)), append(kib, each), append(micros, used)
		text += fmt.Sprintf("| %d | %.1f | %.0f |\n", n, each, used)
		log.Printf("%d sessions: %.1f KiB each, %.0f µs to open one", n, each, used)
	}
	if err := c.alive(); err != nil {
		return err
	}
	text += fmt.Sprintf("\nAll %d answered once more.\n", open)
	return errors.Join(
		o.write("sessions.md", text),
		o.write("sessions-memory.svg", line("Memory of an idle session", "sessions", "KiB (PSS)", x, kib)),
		o.write("sessions-cpu.svg", line("CPU to open a session", "sessions", "µs", x, micros)))
}
