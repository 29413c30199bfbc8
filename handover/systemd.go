package handover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	envNotify       = "NOTIFY_SOCKET" // kept in the environment: successors need it
	envWatchdog     = "WATCHDOG_USEC"
	envWatchdogPID  = "WATCHDOG_PID"
	notifyTimeout   = time.Second
	maxStatusLength = 256
)

// systemd is systemd or another service manager that speaks sd_notify(3).
type systemd struct {
	addr     string        // empty: there is no service manager
	watchdog time.Duration // zero: no watchdog watches this process
}

func systemdFromEnv() systemd {
	s := systemd{addr: os.Getenv(envNotify)}
	if pid := os.Getenv(envWatchdogPID); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return s
	}
	if usec, err := strconv.ParseInt(os.Getenv(envWatchdog), 10, 64); err == nil && usec > 0 {
		s.watchdog = time.Duration(usec) * time.Microsecond
	}
	return s
}

// send sends the assignments in lines. Without a service manager it does nothing.
func (s systemd) send(lines ...string) error {
	if s.addr == "" {
		return nil
	}
	if s.addr[0] != '/' && s.addr[0] != '@' {
		return fmt.Errorf("handover: %s %q: %w", envNotify, s.addr, errors.ErrUnsupported)
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.addr, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("handover: notifying systemd: %w", err)
	}
	defer c.Close()
	c.SetWriteDeadline(time.Now().Add(notifyTimeout))
	if _, err := c.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("handover: notifying systemd: %w", err)
	}
	return nil
}

func reloadingLines() []string {
	lines := []string{"RELOADING=1"}
	if usec, ok := monotonicUsec(); ok {
		lines = append(lines, "MONOTONIC_USEC="+strconv.FormatInt(usec, 10))
	}
	return lines
}

// status returns the assignment that shows text, on one line: a line end would start
// another assignment.
func status(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return "STATUS=" + strings.ToValidUTF8(text[:min(len(text), maxStatusLength)], "")
}

// Status shows text in systemctl status. It does nothing without systemd, nor once a
// successor has taken over, because then the status is the successor's.
func (p *Process) Status(text string) error {
	if p.isRetired() {
		return nil
	}
	return p.systemd.send(status(text))
}

// Stopping tells systemd that the service is stopping. It does nothing once a
// successor has taken over, because then the service goes on.
func (p *Process) Stopping() error {
	if p.isRetired() {
		return nil
	}
	return p.systemd.send("STOPPING=1")
}

// Reload runs f, which reads the configuration again, and tells systemd when it starts
// and when it ends, with its error as the status. It returns f's error; if f succeeds,
// the error of notifying systemd.
func (p *Process) Reload(f func() error) error {
	begun := p.systemd.send(reloadingLines()...)
	err := f()
	lines := []string{"READY=1"}
	if err != nil {
		lines = append(lines, status("reload failed: "+err.Error()))
	}
	if ended := p.systemd.send(lines...); err == nil {
		err = errors.Join(begun, ended)
	}
	return err
}

// Watchdog tells systemd twice per WATCHDOG_USEC that the service is alive, as long as
// healthy returns true; nil means always healthy. It returns nil when ctx ends, when a
// successor has taken over, after Close, and at once if no watchdog watches this
// process. It returns an error if systemd cannot be notified.
func (p *Process) Watchdog(ctx context.Context, healthy func() bool) error {
	if p.systemd.watchdog == 0 || p.systemd.addr == "" {
		return nil
	}
	t := time.NewTicker(max(p.systemd.watchdog/2, time.Millisecond))
	defer t.Stop()
	for {
		if healthy == nil || healthy() {
			if err := p.systemd.send("WATCHDOG=1"); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.retired:
			return nil
		case <-t.C:
		}
	}
}

func (p *Process) isRetired() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.phase == handedOver
}
