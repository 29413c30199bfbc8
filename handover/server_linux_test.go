package handover_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paradiseftp/paradise/handover"
)

// The test binary is also the server under test: with this variable set it serves
// instead of testing. Its standard input is a lifeline: when the test closes it, all
// generations end. When all of them have ended, their standard output ends too.
const (
	envServe   = "HANDOVER_TEST_SERVE"   // network and address, or empty
	envPIDFile = "HANDOVER_TEST_PIDFILE" // Options.PIDFile
	envTimeout = "HANDOVER_TEST_TIMEOUT" // Options.ReadyTimeout
	envSettle  = "HANDOVER_TEST_SETTLE"  // Options.Settle
	envPadding = "HANDOVER_TEST_PADDING" // bytes to fill the state up to
	envFault   = "HANDOVER_TEST_FAULT"   // what the next generation does wrong
	envReport  = "HANDOVER_TEST_REPORT"  // file that Run's part is written to; it is the FTP server that runs then
)

func TestMain(m *testing.M) {
	if config := os.Getenv(envServe); config != "" {
		serve := serve
		if os.Getenv(envReport) != "" {
			serve = serveByRun
		}
		if err := serve(config); err != nil {
			fmt.Fprintln(os.Stderr, "test server:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serve(config string) error {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(9)
	}()
	var s *server
	timeout, _ := time.ParseDuration(os.Getenv(envTimeout))
	settle, _ := time.ParseDuration(os.Getenv(envSettle))
	p, err := handover.New(handover.Options{
		PIDFile:      os.Getenv(envPIDFile),
		ReadyTimeout: timeout,
		Settle:       settle,
		ReportCrash:  true,
		State:        func() []byte { return s.state() },
	})
	if err != nil {
		return err
	}
	fault := os.Getenv(envFault)
	os.Unsetenv(envFault)
	misbehave(fault, p)

	network, addr, _ := strings.Cut(config, " ")
	l, err := p.Listen("ftp", network, addr)
	if err != nil {
		return err
	}
	s = &server{p: p, l: l, ready: make(chan struct{}), stopped: make(chan struct{})}
	s.sessions.Go(s.accept)
	if p.Generation() == 0 {
		fmt.Println(l.Addr())
	}
	restart := make(chan os.Signal, 1)
	handover.NotifyRestart(restart)
	if err := p.Ready(); err != nil {
		return err
	}
	go func() {
		for range restart {
			s.upgrade("")
		}
	}()
	close(s.ready)
	<-s.stopped
	s.sessions.Wait()
	return p.Close()
}

func misbehave(fault string, p *handover.Process) {
	switch fault {
	case "panic":
		panic("deliberate panic")
	case "hang":
		select {}
	case "exit":
		os.Exit(1)
	case "configuration":
		p.Fail(errors.New("line 7: no such option"))
		os.Exit(78)
	}
}

// server answers one word per line; a connection stays with its generation.
type server struct {
	p        *handover.Process
	l        net.Listener
	sessions sync.WaitGroup
	ready    chan struct{} // closed after Ready
	stopped  chan struct{}
	stop     sync.Once
}

func (s *server) accept() {
	for {
		c, err := s.l.Accept()
		if err != nil {
			return
		}
		s.sessions.Go(func() { s.session(c) })
	}
}

func (s *server) session(c net.Conn) {
	defer c.Close()
	in := bufio.NewScanner(c)
	for in.Scan() {
		word, argument, _ := strings.Cut(in.Text(), " ")
		answer, err := s.answer(word, argument)
		if err != nil {
			answer = "error: " + err.Error()
		}
		json.NewEncoder(c).Encode(answer)
	}
}

func (s *server) answer(word, argument string) (string, error) {
	switch word {
	case "who":
		return fmt.Sprintf("%d %d", s.p.Generation(), os.Getpid()), nil
	case "kin":
		return fmt.Sprintf("%d %d", s.p.Predecessor(), s.p.Successor()), nil
	case "ready":
		<-s.ready
		return "ok", nil
	case "state":
		return string(s.p.State()), nil
	case "env":
		return os.Getenv(argument), nil
	case "fds":
		return descriptors()
	case "close":
		return "ok", s.p.Close()
	case "die":
		os.Exit(7)
	case "upgrade":
		return s.upgrade(argument)
	case "stop":
		s.end()
		return "ok", nil
	}
	return "", fmt.Errorf("unknown word %q", word)
}

func (s *server) upgrade(fault string) (string, error) {
	<-s.ready
	os.Setenv(envFault, fault)
	defer os.Unsetenv(envFault)
	if err := s.p.Upgrade(context.Background()); err != nil {
		return "", err
	}
	s.end()
	return "ok", nil
}

// state is the list of generations up to this one.
func (s *server) state() []byte {
	b := fmt.Appendf(nil, "%s>%d", s.p.State(), s.p.Generation())
	if size, err := strconv.Atoi(os.Getenv(envPadding)); err == nil {
		b = append(b, make([]byte, size-len(b))...)
	}
	return b
}

func (s *server) end() {
	s.stop.Do(func() {
		s.l.Close()
		close(s.stopped)
	})
}

var inode = regexp.MustCompile(`\[\d+\]`)

// descriptors lists the targets of the open descriptors, without inode numbers.
func descriptors() (string, error) {
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return "", err
	}
	var targets []string
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			continue // the one that Glob itself had open
		}
		targets = append(targets, inode.ReplaceAllString(target, ""))
	}
	slices.Sort(targets)
	return strings.Join(targets, " "), nil
}
