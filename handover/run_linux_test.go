package handover_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/handover"
	"github.com/paradiseftp/paradise/memfs"
)

// serveByRun runs a whole FTP server with handover.Run. It appends to the report the ends of
// Serve and Run, and failed restarts. A file "fault" in the report's folder says what goes
// wrong in a successor.
func serveByRun(config string) error {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(9)
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	network, addr, _ := strings.Cut(config, " ")
	generation := 0
	o := handover.Options{Settle: 20 * time.Millisecond, Grace: -1}
	o.OnFailure = func(err error) { report("failure: %v", err) }
	o.OnReady = func() { report("ready %d", generation) }
	err := handover.Run(ctx, o, func(p *handover.Process) (handover.Server, error) {
		generation = p.Generation()
		fault := faultOf(generation)
		if fault == "start" {
			return nil, errors.New("line 7: no such option")
		}
		l, err := p.Listen("ftp", network, addr)
		if err != nil {
			return nil, err
		}
		srv := &paradise.Server{Banner: fmt.Sprint("generation ", generation), Auth: paradise.Accounts{"auser": "secret"},
			Files: memfs.New(), Policy: paradise.Policy{TLS: paradise.TLSOptional}}
		if fault == "serve" {
			srv.SniffLen = -1
		}
		p.Go(func() error {
			err := srv.Serve(l)
			report("serve %d: %v", generation, errors.Is(err, paradise.ErrServerClosed))
			return err
		})
		if generation == 0 {
			fmt.Println(l.Addr())
		}
		return srv, nil
	})
	report("run %d: %v", generation, err)
	return err
}

func faultOf(generation int) string {
	if generation == 0 {
		return ""
	}
	b, _ := os.ReadFile(filepath.Join(filepath.Dir(os.Getenv(envReport)), "fault"))
	return string(b)
}

func report(format string, a ...any) {
	f, err := os.OpenFile(os.Getenv(envReport), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		fmt.Fprintf(f, format+"\n", a...)
		f.Close()
	}
}

// ran is a service that runs by Run, and its report.
type ran struct {
	*service
	report string
}

func startByRun(t *testing.T) *ran {
	path := filepath.Join(t.TempDir(), "report")
	r := &ran{start(t, nil, envReport+"="+path), path}
	r.reported("ready 0\n") // a signal before that would be lost
	return r
}

// reported waits for a line of the report.
func (r *ran) reported(line string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		b, _ := os.ReadFile(r.report)
		return strings.Contains(string(b), line)
	}, patience, time.Millisecond, line)
}

// greeting opens an FTP connection, and returns the generation that has greeted it.
func (r *ran) greeting() (*bufio.Reader, int) {
	r.t.Helper()
	nc, err := net.DialTimeout(r.network, r.addr, patience)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(nc)
	line, err := in.ReadString('\n')
	require.NoError(r.t, err)
	var generation int
	_, err = fmt.Sscanf(line, "220 generation %d\r\n", &generation)
	require.NoError(r.t, err)
	return in, generation
}

func TestRunRestartsByASignal(t *testing.T) {
	r := startByRun(t)
	old, generation := r.greeting()
	require.Zero(t, generation)
	require.NoError(t, syscall.Kill(r.pid, syscall.SIGUSR2))
	r.reported("run 0: <nil>\n")
	r.reported("serve 0: true\n")
	line, err := old.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "421 ")
	_, generation = r.greeting()
	require.Equal(t, 1, generation)
}

func TestRunLeavesTheServiceToThePredecessorOfAFailure(t *testing.T) {
	for fault, why := range map[string]string{"start": "line 7: no such option",
		"serve": "paradise: SniffLen -1 is out of range"} {
		t.Run(fault, func(t *testing.T) {
			r := startByRun(t)
			path := filepath.Join(filepath.Dir(r.report), "fault")
			require.NoError(t, os.WriteFile(path, []byte(fault), 0o600))
			require.NoError(t, syscall.Kill(r.pid, syscall.SIGUSR2))
			r.reported("failure: handover: generation 1")
			r.reported("exit status 1: " + why)
			_, generation := r.greeting()
			require.Zero(t, generation)

			require.NoError(t, os.Remove(path))
			require.NoError(t, syscall.Kill(r.pid, syscall.SIGUSR2))
			r.reported("run 0: <nil>\n")
			_, generation = r.greeting()
			require.Equal(t, 1, generation)
		})
	}
}

func TestRunEndsAtItsStopSignal(t *testing.T) {
	r := startByRun(t)
	require.NoError(t, syscall.Kill(r.pid, syscall.SIGTERM))
	r.reported("serve 0: true\n")
	r.reported("run 0: <nil>\n")
	r.waitGone()
}
