package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/paradiseftp/paradise/internal/printable"
)

// healthcheck is the subcommand for containers: it fails unless the server
// lives, or with -ready unless it takes new clients. out is told which it does.
func healthcheck(args []string, out io.Writer) error {
	fs := newFlagSet("healthcheck")
	ready := fs.Bool("ready", false, "fail also while the server takes no new clients, as when it drains")
	v, err := parseViewer(fs, args, out)
	if err != nil {
		return err
	}
	path, good, said := "/healthz", "ok", "the server lives"
	if *ready {
		path, good, said = "/readyz", "ready", "the server takes new clients"
	}
	if err := v.health("http://"+v.addr+path, good); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, said)
	return err
}

// health asks, and says what is so unless the answer is good.
func (v *viewer) health(url, good string) error {
	ctx, cancel := context.WithTimeout(context.Background(), viewTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return v.silent(url, err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
	text := strings.TrimSpace(string(body))
	switch code := answer.StatusCode; {
	case code == http.StatusOK && text == good:
		return nil
	case code == http.StatusServiceUnavailable && text == "draining":
		return fmt.Errorf("the server drains: it takes no new clients, and ends when those that it has are done (%s)", url)
	case code == http.StatusServiceUnavailable && text == "not ready":
		return fmt.Errorf("the server lives, but a folder that it serves is gone or closed to it: its log says which (%s)", url)
	case code == http.StatusForbidden:
		host, _, _ := net.SplitHostPort(v.addr)
		return fmt.Errorf("the server lives, but does not answer by the name %s: give it -monitor-host %s, "+
			"or use its address with -monitor (%s)", host, host, url)
	}
	said := cmp.Or(printable.Text(text), "nothing")
	return fmt.Errorf("%s is no monitor of this server: it said %s: %s (%s); use the host:port of the server's own -monitor", v.addr, answer.Status, said, url)
}

// silent says what became of a question that got no answer of HTTP.
func (v *viewer) silent(url string, err error) error {
	var name *net.DNSError
	var late net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens on %s: the server is down, or its -monitor is off or another host:port: use that one (%s)", v.addr, url)
	case errors.As(err, &name):
		return fmt.Errorf("the name %s leads nowhere: use the host:port of the server's own -monitor (%s)", name.Name, url)
	case errors.As(err, &late) && late.Timeout():
		return fmt.Errorf("%s has not answered in %v: the server hangs, or something on the way drops the question (%s)", v.addr, viewTimeout, url)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("this process may not connect to %s: give it the right to (%s)", v.addr, url)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Errorf("there is no way to %s from here: use the host:port of the server's own -monitor (%s)", v.addr, url)
	}
	return fmt.Errorf("%s does not answer as a monitor: use the host:port of the server's own -monitor (%w)", v.addr, err)
}
