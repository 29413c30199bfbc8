package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/paradiseftp/paradise"
)

// longestWait is the library's bound for Policy.LostControlWait.
const longestWait = time.Minute

// errLongWait is for a wait at the end of uploads that nobody can mean.
func errLongWait(wait time.Duration) error {
	if wait <= longestWait {
		return nil
	}
	return fmt.Errorf("is %v, and each upload in the clear would end that much later: use %v or less", wait, longestWait)
}

// changed reports whether a setting has another value than by default, which the printed
// settings name too.
func (cfg *config) changed(name string) bool {
	f := cfg.set.Lookup(name)
	return f.Value.String() != f.DefValue
}

// checkContradictions refuses settings of which one makes another one void.
func (cfg *config) checkContradictions() error {
	switch wait := errLongWait(cfg.lostWait); {
	case wait != nil:
		return fmt.Errorf("-lost-control-wait %w", wait)
	case cfg.checkOnly && cfg.printConfig:
		return errors.New("-check and -print-config exclude each other: give one")
	case cfg.monitorToken != "" && cfg.monitorKey != "":
		return errors.New("-monitor-token and -monitor-token-file exclude each other: give one")
	case cfg.changed("restart-grace") && cfg.grace > cfg.drain:
		return fmt.Errorf("-restart-grace is %v, but -drain-timeout ends all after %v: use a shorter grace or a longer timeout",
			cfg.grace, cfg.drain)
	case cfg.clients.lostControl && cfg.changed("lost-control-wait") && cfg.lostWait > 0 && !cfg.anyMindsLostControl():
		return errors.New("-lost-control-wait looks for killed clients, whose uploads -allow-lost-control takes without looking: use one of them")
	}
	if err := cfg.checkNeeds(); err != nil {
		return err
	}
	return cfg.checkPassive()
}

// anyMindsLostControl reports whether an account is stricter than all.
func (cfg *config) anyMindsLostControl() bool {
	for _, a := range cfg.accounts {
		if a.LostControl != nil && !*a.LostControl {
			return true
		}
	}
	return false
}

// checkNeeds refuses settings that mean nothing without another one.
func (cfg *config) checkNeeds() error {
	const giveBoth = "give both, or leave it out"
	for _, need := range []struct {
		names []string
		has   bool
		so    string
	}{
		{[]string{"auth-secret-file"}, cfg.authURL != "", "set without -auth-url: " + giveBoth},
		{[]string{"acme-email", "acme-cache", "acme-http", "acme-directory"}, cfg.acme.domains != "",
			"set without -acme-domains: " + giveBoth},
		{[]string{"on-upload-secret-file", "on-upload-max-refusals"}, cfg.onUpload.url != "", "set without -on-upload: " + giveBoth},
		{[]string{"monitor-token", "monitor-token-file", "monitor-host"}, cfg.monitor != "",
			"set, but -monitor is empty, which turns the monitor off: give -monitor host:port, or leave it out"},
	} {
		for _, name := range need.names {
			if !need.has && cfg.changed(name) {
				return fmt.Errorf("-%s is %s", name, need.so)
			}
		}
	}
	return nil
}

// checkPassive refuses a range in which there is no port but those of listeners.
func (cfg *config) checkPassive() error {
	low, high := int(cfg.passive.min), int(cfg.passive.max)
	free := high - low + 1
	var taken []int
	for _, l := range cfg.listeners() {
		_, port := hostPort(l.addr)
		if low <= port && port <= high && low > 0 && !slices.Contains(taken, port) {
			taken = append(taken, port)
			free--
		}
	}
	if low > 0 && free == 0 {
		return fmt.Errorf("-passive-ports has no port but those of other listeners, %v: use a range beside them", &cfg.passive)
	}
	return nil
}

// listener is an address that a flag names.
type listener struct{ flag, addr string }

// listeners are the addresses that are listened on.
func (cfg *config) listeners() []listener {
	all := []listener{{"addr", cfg.addr}, {"tls-addr", cfg.tlsAddr}, {"monitor", cfg.monitor}}
	if cfg.acme.domains != "" {
		all = append(all, listener{"acme-http", cfg.acme.http})
	}
	return slices.DeleteFunc(all, func(l listener) bool { return l.addr == "" })
}

// hostPort takes an address apart; 0 is any free port.
func hostPort(addr string) (host string, port int) {
	host, name, _ := net.SplitHostPort(addr)
	port, _ = net.LookupPort("tcp", name)
	return host, port
}

// collide reports whether only one of two addresses can be listened on: the port is one,
// and so is the host, or one of them stands for all.
func collide(a, b string) bool {
	hostA, portA := hostPort(a)
	hostB, portB := hostPort(b)
	if portA == 0 || portA != portB {
		return false
	}
	return hostA == hostB || standsFor(hostA, hostB) || standsFor(hostB, hostA)
}

// standsFor reports whether a host of a listener is all addresses of the kind that the
// other one is.
func standsFor(all, host string) bool {
	if all == "" || all == "::" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return all == "0.0.0.0" && (err != nil || ip.Unmap().Is4())
}

// contradicts is why an account cannot be what its keys say, nil if it can.
func (a *account) contradicts(cfg *config) error {
	deny := a.denied()
	switch {
	case a.TLS != "" && a.TLS != "optional" && !cfg.hasTLS():
		return fmt.Errorf("tls = %q needs a certificate, without which nobody could log in: give -tls-cert and -tls-key, or -acme-domains", a.TLS)
	case deny&paradise.PermWrites == paradise.PermWrites && deny&paradise.PermAllButUpload == paradise.PermAllButUpload:
		return errors.New("deny leaves nothing: upload-only takes reading and read-only uploading: use one of them")
	case a.LostControl != nil && *a.LostControl && a.LostWait != nil && *a.LostWait > 0:
		return errors.New("lost-control-wait looks for killed clients, whose uploads allow-lost-control takes without looking: use one of them")
	}
	for _, lists := range []struct {
		allow, deny string
		both        []string
	}{{"allow-types", "deny-types", common(a.AllowTypes, a.DenyTypes)}, {"names", "deny-names", common(a.Names, a.DenyNames)}} {
		if len(lists.both) > 0 {
			return fmt.Errorf("%s and %s both have %q: use it in one of them", lists.allow, lists.deny, lists.both[0])
		}
	}
	return nil
}

// denied are the permissions that the account takes away.
func (a *account) denied() (deny paradise.Perm) {
	for _, d := range a.Deny {
		deny |= paradise.Perm(d)
	}
	return deny
}

func common(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}
