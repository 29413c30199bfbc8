package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/paradiseftp/paradise/internal/printable"
	"github.com/paradiseftp/paradise/monitor"
)

// stats is the content of the monitor's /stats.json.
type stats struct{ monitor.Snapshot }

// statsLimit bounds the bytes that are read of an answer.
const statsLimit = 64 << 20

func fetchStats(ctx context.Context, client *http.Client, addr, token string) (*stats, error) {
	body, err := get(ctx, client, "http://"+addr+"/stats.json", token)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	s := &stats{}
	if err := json.NewDecoder(io.LimitReader(body, statsLimit)).Decode(s); err != nil {
		return nil, fmt.Errorf("%s does not answer as a monitor: %w", addr, err)
	}
	return s, nil
}

func get(ctx context.Context, client *http.Client, url, token string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(r)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w: give the server's own -monitor host:port if it listens elsewhere", err)
	}
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
		answer.Body.Close()
		why := fmt.Sprintf("%s: %s: %s", url, answer.Status, strings.TrimSpace(string(text)))
		return nil, errors.New(printable.Text(why))
	}
	return answer.Body, nil
}

// viewer holds the flags of who, top and healthcheck.
type viewer struct{ addr, token string }

func parseViewer(fs *flag.FlagSet, args []string, errs io.Writer) (*viewer, error) {
	v := &viewer{}
	tokenFile := ""
	addrVar(fs, &v.addr, "monitor", "127.0.0.1:5010", "`host:port` of the monitor")
	fs.StringVar(&v.token, "monitor-token", "", "the monitor's `token`, for a monitor on another machine")
	fs.StringVar(&tokenFile, "monitor-token-file", "",
		"`file` that holds the token, which others then do not see among the processes")
	if err := parseCommand(fs, args, errs, fs.Name()+" [flags]"); err != nil {
		return nil, err
	}
	if v.addr == "" {
		return nil, errors.New("-monitor is empty: write host:port, as in 127.0.0.1:5010")
	}
	if v.token != "" && tokenFile != "" {
		return nil, errors.New("-monitor-token and -monitor-token-file exclude each other: give one")
	}
	if tokenFile != "" {
		b, err := readSecret("monitor-token-file", tokenFile)
		if err != nil {
			return nil, err
		}
		v.token = string(b)
	}
	return v, nil
}

// viewTimeout bounds one request to the monitor.
const viewTimeout = 5 * time.Second

func (v *viewer) stats() (*stats, error) {
	ctx, cancel := context.WithTimeout(context.Background(), viewTimeout)
	defer cancel()
	return fetchStats(ctx, http.DefaultClient, v.addr, v.token)
}

// who is the subcommand that prints the sessions.
func who(args []string, out, errs io.Writer) error {
	v, err := parseViewer(newFlagSet("who"), args, errs)
	if err != nil {
		return err
	}
	s, err := v.stats()
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, s.table())
	return err
}

// table is the text of who and top.
func (s *stats) table() string {
	var b strings.Builder
	state := "Up for"
	if s.Draining {
		state = "Draining, up for"
	}
	fmt.Fprintf(&b, "%d client(s), %d upload(s) at %s/s, %d download(s) at %s/s. %s %s\n\n", s.Clients,
		s.Uploads.Running, size(s.UpRate), s.Downloads.Running, size(s.DownRate), state, clock(s.Now.Sub(s.Started)))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tUSER\tADDRESS\tAGE\tVERB\tBYTES\tRATE\tDONE\tFILE")
	for _, c := range s.Sessions {
		fmt.Fprintln(w, row(c, s.Now))
	}
	for _, g := range s.Generations {
		fmt.Fprintf(w, "\nProcess %d %s: %d client(s), %d transfer(s)\n", g.PID, doing(g), g.Clients, g.Transfers)
		for _, c := range g.Sessions {
			fmt.Fprintln(w, row(c, s.Now))
		}
	}
	w.Flush()
	return b.String()
}

// doing says what another process is doing.
func doing(g monitor.Generation) string {
	switch {
	case g.Silent:
		return "does not answer; it had"
	case g.Serving:
		return "serves"
	}
	return "drains"
}

func row(c monitor.Session, now time.Time) string {
	verb, file, bytes, rate, done := c.Verb, c.Arg, "", "", ""
	if t := c.Transfer; t != nil {
		verb, file, bytes, rate = t.Verb, t.Name, size(float64(t.Bytes)), size(t.Rate)+"/s"
		if t.Size > 0 {
			done = fmt.Sprintf("%d%%", min(100, 100*t.Bytes/t.Size))
		}
	}
	address := c.Remote
	if c.TLS {
		address += " tls"
	}
	cells := []string{
		c.Short, cmp.Or(c.User, "-"), address, clock(now.Sub(c.Opened)), cmp.Or(verb, "-"), bytes, rate, done, file,
	}
	for i, text := range cells {
		cells[i] = printable.Text(text) // the other side may not be our monitor, or an older one
	}
	return strings.Join(cells, "\t")
}

// size formats a number of bytes in a few characters.
func size(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n >= 1024 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", n)
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

// clock formats a duration as hours, minutes and seconds.
func clock(d time.Duration) string {
	n := int64(max(d, 0) / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", n/3600, n/60%60, n%60)
}
