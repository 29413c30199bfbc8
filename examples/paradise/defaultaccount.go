package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/paradiseftp/paradise"
)

// defaultAccount is the one of the README, for who tries paradise out: its
// password is known to all, so that it is for this machine alone.
func defaultAccount() paradise.Accounts { return paradise.Accounts{"auser": "secret"} }

// namesAccounts reports whether the settings say who may log in.
func (cfg *config) namesAccounts() bool {
	return cfg.users.given || len(cfg.accounts) > 0 || cfg.htpasswd != "" || cfg.authURL != ""
}

const giveAccounts = "give -user NAME:PASSWORD, -htpasswd FILE, -auth-url URL, or accounts in the file of -config"

// errNoAccount is for a reload or a restart with settings that name nobody any
// more.
var errNoAccount = errors.New("the settings name no account any more, and auser with the password that all know is not let in instead: " + giveAccounts)

// envAccounts tells a newer process, which takes this one's place, that accounts
// were named: whatever file it finds, it must not go back to the one that all know.
const envAccounts = "PARADISE_HAD_ACCOUNTS"

// noteAccounts is for the settings in force.
func (cfg *config) noteAccounts() {
	if cfg.namesAccounts() {
		os.Setenv(envAccounts, "1")
	}
}

// inherits refuses settings for a process that follows another one.
func (cfg *config) inherits(generation int) error {
	if generation > 0 && os.Getenv(envAccounts) != "" && !cfg.namesAccounts() {
		return errNoAccount
	}
	return nil
}

// checkDefaultAccount refuses a listener that strangers reach where nobody has
// chosen a password.
func (cfg *config) checkDefaultAccount(flag string, addr net.Addr) error {
	if cfg.namesAccounts() || addr == nil || isLoopback(addr.String()) {
		return nil
	}
	return fmt.Errorf("-%s: %s can be reached from other machines, and there is no account but the one whose password all know: %s; or listen on 127.0.0.1",
		flag, addr, giveAccounts)
}

// checkDefaultListeners does so for what is to be listened on.
func (cfg *config) checkDefaultListeners() error {
	for flag, addr := range map[string]string{"addr": cfg.addr, "tls-addr": cfg.tlsAddr} {
		if addr == "" {
			continue
		}
		if err := cfg.checkDefaultAccount(flag, written(addr)); err != nil {
			return err
		}
	}
	return nil
}

// written is an address as the settings have it.
type written string

func (written) Network() string  { return "tcp" }
func (w written) String() string { return string(w) }

// lookupTime bounds the question what a host name stands for.
const lookupTime = 5 * time.Second

// isLoopback reports whether host:port is on this machine alone: an address, or a
// name all of whose addresses are.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback()
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return false
		}
	}
	return err == nil && len(ips) > 0
}
