package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/handover"
	"github.com/paradiseftp/paradise/monitor"
)

func TestTheLogOfARestartNamesBothProcesses(t *testing.T) {
	p := launch(t)
	old := p.pid()
	p.restart()
	p.logged(fmt.Sprintf("taken over\" old_pid=%d new_pid=%d ", old, p.pid()), 1)
	p.logged(fmt.Sprintf("generation=1 old_pid=%d pid=%d\n", old, p.pid()), 1)
}

func TestEveryLogLineSaysWhichProcessWroteIt(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			p := launch(t, "-log-format", format, "-trace-user", "auser", "-restart-grace", "1s")
			old := p.pid()
			require.NoError(t, visit(p.addr))
			p.signal(syscall.SIGUSR2)
			p.until("the new process counts", func() bool { return p.pid() != old })
			require.NoError(t, visit(p.addr))
			p.until("the old one has gone", func() bool { return len(p.processes()) == 1 })
			pids := map[string]int{}
			for line := range strings.Lines(p.stderr.String()) {
				pid := line[strings.LastIndex(line, "pid=")+1:]
				if format == "json" {
					var l struct{ PID *int }
					require.NoError(t, json.Unmarshal([]byte(line), &l), line)
					require.NotNil(t, l.PID, line)
					pid = fmt.Sprintf("id=%d\n", *l.PID)
				}
				pids[strings.TrimSpace(pid)]++
			}
			require.Len(t, pids, 2)
			assert.Greater(t, pids[fmt.Sprintf("id=%d", old)], 5)
			assert.Greater(t, pids[fmt.Sprintf("id=%d", p.pid())], 5)
		})
	}
}

// metrics returns the samples of one scrape, by name and labels.
func (p *program) metrics() (map[string]float64, error) {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	body, err := get(p.t.Context(), c, "http://"+p.monitor+"/metrics", "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	m := make(map[string]float64)
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if name != "#" {
			m[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	return m, lines.Err()
}

func (p *program) requireMetrics(want map[string]float64) {
	p.t.Helper()
	m, err := p.metrics()
	require.NoError(p.t, err)
	for name, value := range want {
		assert.Equal(p.t, value, m[name], name)
	}
	require.False(p.t, p.t.Failed())
}

func (p *program) stats() *stats {
	p.t.Helper()
	s, err := (&viewer{addr: p.monitor}).stats()
	require.NoError(p.t, err)
	return s
}

// requireDistinct checks that every session and channel of all processes has a unique ID.
func requireDistinct(t *testing.T, s *stats, sessions int) {
	t.Helper()
	seen := map[string]bool{}
	note := func(id string) {
		require.False(t, seen[id], id)
		seen[id] = true
	}
	all := slices.Clone(s.Sessions)
	for _, g := range s.Generations {
		all = append(all, g.Sessions...)
	}
	require.Len(t, all, sessions)
	for _, c := range all {
		note(fmt.Sprint(c.ID))
		note(c.Short)
		require.NotEmpty(t, c.Passive)
		for _, ch := range c.Passive {
			note("channel " + ch.ID)
		}
	}
}

func TestAllViewsAreOfAllGenerations(t *testing.T) {
	const uploads, begun, whole = 4, 5000, 5003
	p := launch(t, "-restart-grace", "1s")
	var running []*slowUpload
	for i := range uploads {
		running = append(running, p.upload(p.login(), fmt.Sprintf("f%d", i)))
		if i < uploads-1 {
			p.restart()
		}
	}
	moved := `paradise_transfer_bytes_total{direction="upload"}`
	p.until("all bytes are told", func() bool {
		m, err := p.metrics()
		return err == nil && m[moved] == uploads*begun
	})
	p.requireMetrics(map[string]float64{
		"paradise_sessions":                                  uploads,
		"paradise_sessions_total":                            uploads,
		`paradise_transfers_in_progress{direction="upload"}`: uploads,
		`paradise_logins_total{result="ok"}`:                 uploads,
		`paradise_commands_total{command="STOR"}`:            uploads,
	})
	s := p.stats()
	require.Len(t, s.Generations, uploads-1)
	require.Equal(t, uploads, s.Clients)
	require.EqualValues(t, uploads, s.Uploads.Running)
	requireDistinct(t, s, uploads)
	require.Contains(t, p.who(), fmt.Sprintf("%d client(s), %d upload(s)", uploads, uploads))
	text, err := get(t.Context(), http.DefaultClient, "http://"+p.monitor+"/", "")
	require.NoError(t, err)
	b, err := io.ReadAll(text)
	require.NoError(t, err)
	require.Regexp(t, fmt.Sprintf(`^%d client\(s\), %d passive\(s\)`, uploads, uploads), string(b))

	for _, u := range running {
		require.NoError(t, u.finish())
	}
	p.until("the old ones have gone", func() bool { return len(p.processes()) == 1 })
	ended := map[string]float64{
		moved:                     uploads * whole,
		"paradise_sessions_total": uploads,
		`paradise_transfers_total{direction="upload",result="ok"}`:                uploads,
		`paradise_transfers_in_progress{direction="upload"}`:                      0,
		`paradise_transfer_duration_seconds_count{direction="upload"}`:            uploads,
		`paradise_transfers_total{direction="upload",result="failed"}`:            0,
		`paradise_commands_total{command="PASS"}`:                                 uploads,
		`paradise_transfer_duration_seconds_bucket{direction="upload",le="+Inf"}`: uploads,
	}
	p.requireMetrics(ended)
	require.Len(t, p.stats().Recent, uploads)
	for range 2 { // the counts of ended processes are passed on
		p.restart()
		p.until("the old one has gone", func() bool { return len(p.processes()) == 1 })
		p.requireMetrics(ended)
	}
	p.requireStopped()
}

// requireStopped ends the newest process and checks that nothing of it is left.
func (p *program) requireStopped() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.until("it has gone", func() bool { return len(p.processes()) == 0 })
	left, err := filepath.Glob(filepath.Join(filepath.Dir(p.root), "paradise-*"))
	require.NoError(p.t, err)
	require.Empty(p.t, left)
}

// Both processes of a restart answer for a moment, and the service is ready all
// the time.
func TestNoCounterGoesBackAtARestart(t *testing.T) {
	p := launch(t, "-restart-grace", "1s")
	visitors := p.load(scaled().logins)
	u := p.upload(p.login(), "f")
	over := make(chan struct{})
	scraped := make(chan error, 1)
	go func() { scraped <- p.watchCounters(over) }()
	for range 3 {
		p.restart()
	}
	require.NoError(t, u.finish())
	p.until("one process is left", func() bool { return len(p.processes()) == 1 })
	close(over)
	require.NoError(t, <-scraped)
	visitors.requireNoFailure(t)
}

func (p *program) watchCounters(over <-chan struct{}) error {
	before := map[string]float64{}
	for n := 0; ; n++ {
		select {
		case <-over:
			p.t.Logf("%d scrapes", n)
			return nil
		default:
		}
		m, err := p.metrics()
		if err != nil {
			return err
		}
		for name, value := range m {
			family, _, _ := strings.Cut(name, "{")
			if strings.HasSuffix(family, "_total") && value < before[name] {
				return fmt.Errorf("%s went from %v to %v", name, before[name], value)
			}
		}
		before = m
		if err := healthcheck([]string{"-ready", "-monitor", p.monitor}, io.Discard); err != nil {
			return err
		}
	}
}

func TestAProcessThatCrashedIsNotShownAndItsTotalsStay(t *testing.T) {
	p := launch(t, "-restart-grace", "1s")
	old := p.pid()
	p.upload(p.login(), "f")
	p.restart()
	p.until("its bytes are told", func() bool { return contains(p.who(), "4.9 KiB") })
	require.NoError(t, syscall.Kill(old, syscall.SIGKILL))
	p.until("it is not shown", func() bool { return !contains(p.who(), "Process") })
	left := map[string]float64{
		"paradise_sessions": 0,
		`paradise_transfers_in_progress{direction="upload"}`: 0,
		`paradise_transfer_bytes_total{direction="upload"}`:  5000,
		"paradise_sessions_total":                            1,
	}
	p.requireMetrics(left)
	p.restart()
	p.requireMetrics(left)
}

func TestASuccessorThatCrashesWhileBothServeLeavesTheViewsWhole(t *testing.T) {
	p := launch(t)
	old := p.pid()
	u := p.upload(p.login(), "f")
	p.signal(syscall.SIGUSR2)
	p.until("both are told", func() bool {
		return len(p.stats().Generations) == 1 && p.stats().Generations[0].Serving || p.pid() != old
	})
	require.Equal(t, old, p.pid())
	require.NoError(t, syscall.Kill(p.stats().Generations[0].PID, syscall.SIGKILL))
	p.logged("restart failed", 1)
	s := p.stats()
	require.Empty(t, s.Generations)
	require.Equal(t, 1, s.Clients)
	p.restart()
	p.requireMetrics(map[string]float64{"paradise_sessions": 1, "paradise_sessions_total": 1})
	require.NoError(t, u.finish())
}

func TestAProcessThatDoesNotAnswerHoldsNothingUp(t *testing.T) {
	p := launch(t, "-restart-grace", "1s")
	old := p.pid()
	u := p.upload(p.login(), "f")
	p.restart()
	require.Contains(t, p.who(), fmt.Sprintf("Process %d drains", old))
	require.NoError(t, syscall.Kill(old, syscall.SIGSTOP))
	p.until("it is stopped",
		func() bool { return contains(p.who(), fmt.Sprintf("Process %d does not answer; it had:", old)) })
	out := p.who()
	require.Contains(t, out, "it had: 1 client(s), 1 transfer(s)")
	require.Contains(t, out, "1 client(s), 1 upload(s)")
	p.requireMetrics(map[string]float64{"paradise_sessions": 1})
	require.NoError(t, healthcheck([]string{"-ready", "-monitor", p.monitor}, io.Discard))
	require.NoError(t, syscall.Kill(old, syscall.SIGCONT))
	p.until("it answers again", func() bool { return contains(p.who(), fmt.Sprintf("Process %d drains", old)) })
	require.NoError(t, u.finish())
}

func TestASessionOfAnOlderProcessCanBeEndedFromThePage(t *testing.T) {
	const token = "0123456789abcdef"
	p := launch(t, "-restart-grace", "1h", "-monitor-token", token)
	kept := p.login()
	gone := p.login()
	p.restart()
	p.login()
	s := p.stats()
	require.Len(t, s.Generations, 1)
	sessions := s.Generations[0].Sessions
	require.Len(t, sessions, 2)
	id := slices.MaxFunc(sessions, func(a, b monitor.Session) int { return a.Opened.Compare(b.Opened) }).ID
	kick := func() int {
		r, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://%s/sessions/%d/kick", p.monitor, id), nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		res.Body.Close()
		return res.StatusCode
	}
	require.Equal(t, http.StatusNoContent, kick())
	p.until("it is gone", func() bool { return gone.NoOp() != nil })
	require.NoError(t, kept.NoOp())
	p.until("it has ended", func() bool { return kick() == http.StatusNotFound })
}

// Names that grow in JSON must not make a restart fail.
func TestTheStateOfARestartIsBounded(t *testing.T) {
	h := handedOn{Folder: "/tmp/paradise-1", IDs: paradise.IDs{Session: 7}}
	for range 50 {
		h.Totals.Recent = append(h.Totals.Recent,
			paradise.TransferRecord{Name: strings.Repeat("\x01", 2000), Ended: time.Now()})
	}
	h.Totals.SessionsTotal = 9
	b := h.bytes()
	require.LessOrEqual(t, len(b), handover.MaxState)
	var got handedOn
	require.NoError(t, json.Unmarshal(b, &got))
	require.EqualValues(t, 9, got.Totals.SessionsTotal)
	require.Equal(t, h.IDs, got.IDs)
}
