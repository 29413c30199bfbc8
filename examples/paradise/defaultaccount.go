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

// defaultAccount returns the account of the README, for people who try paradise out. Its
// password is public, so it works only from this machine.
func defaultAccount() paradise.Accounts { return paradise.Accounts{"auser": "secret"} }

// namesAccounts reports whether the settings name accounts or an identity service.
func (cfg *config) namesAccounts() bool {
	return cfg.users.given || len(cfg.accounts) > 0 || cfg.htpasswd != "" || cfg.authURL != ""
}

const giveAccounts = "give -user NAME:PASSWORD, -htpasswd FILE, -auth-url URL, or accounts in the file of -config"

// errNoAccount is the error of a reload or a restart with settings that do not name any
// account any more.
var errNoAccount = errors.New("the settings name no account any more, and auser with the password that all know is not let in instead: " + giveAccounts)

// envAccounts tells the successor of this process that the settings have named accounts.
// Whatever its configuration says, it must not fall back to the default account.
const envAccounts = "PARADISE_HAD_ACCOUNTS"

// noteAccounts sets envAccounts for the settings in force.
func (cfg *config) noteAccounts() {
	if cfg.namesAccounts() {
		os.Setenv(envAccounts, "1")
	}
}

// inherits refuses settings without accounts for a successor of a process that had some.
func (cfg *config) inherits(generation int) error {
	if generation > 0 && os.Getenv(envAccounts) != "" && !cfg.namesAccounts() {
		return errNoAccount
	}
	return nil
}

// checkDefaultAccount refuses a listener that other machines can reach if only the default
// account exists.
func (cfg *config) checkDefaultAccount(flag string, addr net.Addr) error {
	if cfg.namesAccounts() || addr == nil || isLoopback(addr.String()) {
		return nil
	}
	return fmt.Errorf("-%s: %s can be reached from other machines, and there is no account but the one whose password all know: %s; or listen on 127.0.0.1",
		flag, addr, giveAccounts)
}

// checkDefaultListeners does the same for the addresses in the settings.
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

// written is an address in the form of the settings.
type written string

func (written) Network() string  { return "tcp" }
func (w written) String() string { return string(w) }

// lookupTime bounds the lookup of a host name.
const lookupTime = 5 * time.Second

// isLoopback reports whether host:port can be reached from this machine only: the host is
// a loopback address, or a name that has only loopback addresses.
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
