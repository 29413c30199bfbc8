package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// Scripts rely on these flags of the README's table: they stay, with their defaults.
var contract = []string{"addr", "root", "user", "passive-ports", "public-ip", "monitor", "tls-cert", "tls-key",
	"tls-policy",
	"tls-addr", "data-tls-reuse", "allow-types", "durable", "abuse-limits", "max-sessions", "max-sessions-per-ip",
	"idle-timeout", "drain-timeout", "pid-file", "log-level", "log-format"}

func TestEveryFlagOfTheContractExists(t *testing.T) {
	fs := (&config{}).flags(io.Discard)
	for _, name := range contract {
		assert.NotNil(t, fs.Lookup(name), "-%s", name)
	}
}

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	fs := (&config{}).flags(io.Discard)
	for name, want := range map[string]string{"addr": "127.0.0.1:2121", "root": "./paradise-data",
		"monitor":    "127.0.0.1:5010",
		"tls-policy": "required", "data-tls-reuse": "prefer", "durable": "false", "abuse-limits": "on", "passive-ports": "",
		"public-ip": "", "tls-addr": "", "allow-types": ""} {
		assert.Equal(t, want, fs.Lookup(name).DefValue, "-%s", name)
	}
}

func TestFlagsThatMakeNoSenseFail(t *testing.T) {
	for _, c := range []struct{ name, args, want string }{
		{"unknown", "-no-such-flag", "not defined"},
		{"no command", "hash-pasword", `unknown command "hash-pasword": use who, top, healthcheck or hash-password`},
		{"address for no authority", "-acme-email a@b.example", "-acme-email is set without -acme-domains"},
		{"no MIME type", "-allow-types image", "-allow-types: "},
		{"no such file", "-config nofile", "-config: open nofile"},
		{"no grace", "-restart-grace 100ms", "-restart-grace is 100ms: use 1s or more"},
		{"no password", "-user foo:", "the password is empty"},
		{"level", "-log-level loud", "debug, info, warn or error"},
		{"policy", "-tls-policy never", "optional or required"},
		{"limits", "-abuse-limits maybe", "on or off"},
		{"half a certificate", "-tls-cert x", "belong together"},
		{"implicit TLS without certificate", "-tls-addr :990", "needs a certificate"},
		{"TLS demanded without certificate", "-tls-policy required", "needs a certificate"},
		{"reuse demanded without certificate", "-data-tls-reuse require", "needs a certificate"},
		{"unclosed TLS without certificate", "-allow-unclosed-tls", "needs a certificate"},
		{"a type that is none", "-default-type text", `-default-type is "text": use binary or ascii`},
		{"old devices without certificate", "-tls-old-devices", "needs a certificate"},
		{"secret for nobody", "-auth-secret-file x", "without -auth-url"},
		{"ACME and files", "-acme-domains a.example -tls-cert x -tls-key y", "exclude each other"},
		{"ports", "-passive-ports 9-3", "want min-max"},
		{"user", "-user name", "want name:password"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseFlags(strings.Fields(c.args), io.Discard)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestABadFlagIsAnsweredInOneLine(t *testing.T) {
	var out strings.Builder
	_, err := parseFlags([]string{"-no-such-flag"}, &out)
	require.ErrorContains(t, err, "paradise -h lists the flags")
	assert.NotContains(t, err.Error(), "\n")
	assert.Empty(t, out.String(), "main prints the error")
}

func TestHelpNamesTheCommands(t *testing.T) {
	var out strings.Builder
	_, err := parseFlags([]string{"-h"}, &out)
	require.ErrorIs(t, err, flag.ErrHelp)
	assert.Contains(t, out.String(), commandNames)
	assert.ErrorIs(t, command([]string{"help"}), flag.ErrHelp)
}

func TestTheDefaultNeedsNoCertificate(t *testing.T) {
	_, err := parseFlags(nil, io.Discard)
	require.NoError(t, err)
}

func TestTLSDemandedInTheFileNeedsACertificateToo(t *testing.T) {
	_, err := inFile(t, "tls-policy = \"required\"\n")
	require.ErrorContains(t, err, "-tls-policy required needs a certificate")
}

func TestAFlagGivenTwiceTakesItsLastValue(t *testing.T) {
	cfg, err := parseFlags(strings.Fields("-root a -root b -user x:1 -user y:2"), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, "b", cfg.root)
	assert.Equal(t, paradise.Accounts{"x": "1", "y": "2"}, cfg.users.accounts)
}

// inFile parses flags together with a configuration file.
func inFile(t *testing.T, text string, args ...string) (*config, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "paradise.toml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return parseFlags(append([]string{"-config", name}, args...), io.Discard)
}

// bcryptOfSecret is what htpasswd -nbB -C 4 prints for "secret".
const bcryptOfSecret = "$2y$04$4Q6k.CIzbFoOmQ.T5bq/BuIrSlzEBcCwAyRxicsaMItAF7m2cczpm"

func TestTheFileTakesEveryFlagAsAKey(t *testing.T) {
	cfg, err := inFile(t, `
addr = "127.0.0.1:21"
durable = true
max-sessions = 7
idle-timeout = "90s"
user = ["a:1", "b:2"]
allow-types = ["image/*", "application/pdf"]
monitor-host = ["one", "two"]
`)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:21", cfg.addr)
	assert.True(t, cfg.durable)
	assert.Equal(t, 7, cfg.sessions)
	assert.Equal(t, "1m30s", cfg.idle.String())
	assert.Equal(t, paradise.Accounts{"a": "1", "b": "2"}, cfg.users.accounts)
	assert.Equal(t, []string{"image/*", "application/pdf"}, cfg.policy().Gate.Allow)
	assert.Equal(t, listFlag{"one", "two"}, cfg.monitorHosts)
}

func TestFlagsGoBeforeTheFile(t *testing.T) {
	cfg, err := inFile(t, "addr = \"127.0.0.1:21\"\nroot = \"there\"\n", "-addr", "127.0.0.1:2122")
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:2122", cfg.addr)
	assert.Equal(t, "there", cfg.root)
}

func TestErrorsInTheFileNameTheLine(t *testing.T) {
	const account = "[accounts.alice]\npassword = \"" + bcryptOfSecret + "\"\n"
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "addr = \":21\"\n\nadr = \":22\"\n", "line 3: adr: unknown key"},
		{"unknown table", "[acounts.alice]\n", "line 1: acounts.alice: unknown key"},
		{"unknown key of an account", account + "hme = \"x\"\n", "line 3: accounts.alice.hme: unknown key"},
		{"unknown key of a quoted account", "[accounts.\"a@b.c\"]\n\nbogus = 1\n",
			"line 3: accounts.\"a@b.c\".bogus: unknown key"},
		{"unknown key of a device", account + "[accounts.alice.device]\nbackslash = true\nslash = true\n",
			"line 5: accounts.alice.device.slash: unknown key"},
		{"a flag that is no key", "check = true\n", "line 1: check: unknown key"},
		{"bad value", "# comment\nidle-timeout = \"soon\"\n", "line 2: idle-timeout"},
		{"bad number", "max-sessions = \"many\"\n", "line 1: max-sessions"},
		{"bad permission", account + "deny = [\"all\"]\n", "line 3"},
		{"bad hash", "[accounts.alice]\npassword = \"secret\"\n", "line 2: accounts.alice.password: is no password hash"},
		{"bad type", account + "default-type = \"text\"\n",
			"line 3: accounts.alice.default-type: \"text\": use binary or ascii"},
		{"bad switch", account + "allow-unclosed-tls = \"yes\"\n", "line 3"},
		{"bad TLS rule", account + "tls = \"never\"\n", "line 3"},
		{"wrong type", account + "max-file-size = \"big\"\n", "line 3"},
		{"a key twice", "addr = \":1\"\naddr = \":2\"\n", "line 2"},
		{"no TOML", "addr = \n", "line 1"},
		{"a table for a value", "[addr]\nx = 1\n", "line 1: addr: is a table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := inFile(t, c.text)
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n", "one line")
			assert.NotContains(t, err.Error(), "secret", "may be a password")
		})
	}
}

const fullAccount = `
[accounts.alice]
password = "` + bcryptOfSecret + `"
home = "alice"
start = "/in"
deny = ["read-only", "site"]
tls = "optional"
max-file-size = 1000
max-sessions = 2
upload-rate = 3000
download-rate = 4000
allow-types = ["image/*"]
deny-types = ["image/gif"]
refuse-empty = true
match-extension = true
names = ["*.jpg"]
deny-names = ["x*"]
default-type = "ascii"
allow-unclosed-tls = true
allow-lost-control = true
trace = true
lost-control-wait = "0s"
device = { mkd-existing-ok = true, make-parents = true }
`

func TestAnAccountHasAllThatAPolicyMayDiffer(t *testing.T) {
	cfg, err := inFile(t, fullAccount)
	require.NoError(t, err)
	p := cfg.accounts["alice"].policy(paradise.Policy{Gate: paradise.Gate{Allow: []string{"text/*"},
		DenyNames: []string{"y*"}}})
	assert.Equal(t, paradise.Policy{
		TLS:          paradise.TLSOptional,
		Deny:         paradise.PermWrites | paradise.PermSite,
		MaxFileSize:  1000,
		MaxSessions:  2,
		UploadRate:   3000,
		DownloadRate: 4000,
		Gate: paradise.Gate{Allow: []string{"image/*"}, Deny: []string{"image/gif"}, RefuseEmpty: true,
			MatchExtension: true, Names: []string{"*.jpg"}, DenyNames: []string{"y*", "x*"}},
		ASCIIDefault:     true,
		AllowUnclosedTLS: true,
		AllowLostControl: true,
		Device:           paradise.DeviceProfile{MkdExistingOK: true, MakeParents: true},
		Trace:            true,
		LostControlWait:  -1, // 0 in the file means none
	}, p)
}

// A setting that is loose for all may be strict for one account, and the other way round.
func TestConcessionsToClientsAreForAllOrForOne(t *testing.T) {
	const account = "[accounts.alice]\npassword = \"" + bcryptOfSecret + "\"\n"
	const cert = "tls-cert = \"x\"\ntls-key = \"y\"\n"
	const off, on = "default-type = \"binary\"\nallow-unclosed-tls = false\nallow-lost-control = false\n",
		"default-type = \"ascii\"\nallow-unclosed-tls = true\nallow-lost-control = true\n"
	loose := paradise.Policy{ASCIIDefault: true, AllowUnclosedTLS: true, AllowLostControl: true}
	for _, c := range []struct {
		name, all, one string
		want           paradise.Policy
	}{
		{"nothing said", "", "", paradise.Policy{}},
		{"for all", on, "", loose},
		{"for one", "", on, loose},
		{"for all but one", on, off, paradise.Policy{}},
		{"for one although not for all", off, on, loose},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := inFile(t, cert+c.all+account+c.one)
			require.NoError(t, err)
			var out strings.Builder
			require.NoError(t, cfg.print(&out, cfg.set))
			again, err := inFile(t, out.String())
			require.NoError(t, err, out.String())
			for _, cfg := range []*config{cfg, again} {
				p := cfg.accounts["alice"].policy(cfg.policy())
				assert.Equal(t, c.want, paradise.Policy{
					ASCIIDefault: p.ASCIIDefault, AllowUnclosedTLS: p.AllowUnclosedTLS, AllowLostControl: p.AllowLostControl,
				})
			}
		})
	}
}

func TestAccountsInTheFileReplaceTheDefaultAccount(t *testing.T) {
	cfg, err := inFile(t, fullAccount)
	require.NoError(t, err)
	assert.Empty(t, cfg.users.accounts)
}

func TestPrintedSettingsAreAFileThatMeansTheSame(t *testing.T) {
	args := strings.Fields("-addr 127.0.0.1:2122 -durable -max-sessions 9 -monitor-host a -monitor-host b\\c -idle-timeout 1m -passive-ports 50000-50010 -monitor-token 0123456789abcdef -user x:topsecret")
	cfg, err := parseFlags(args, io.Discard)
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, cfg.print(&out, cfg.set))
	assert.NotContains(t, out.String(), "topsecret")
	assert.NotContains(t, out.String(), "0123456789abcdef")
	again, err := inFile(t, out.String())
	require.NoError(t, err, out.String())
	again.set.VisitAll(func(f *flag.Flag) {
		if f.Name != "config" && f.Name != "monitor-token" {
			assert.Equal(t, cfg.set.Lookup(f.Name).Value.String(), f.Value.String(), f.Name)
		}
	})
}

func TestWaitAndPeerCheckAreThoseOfTheFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		wait time.Duration
		peer paradise.PeerCheck
	}{
		{"", 30 * time.Millisecond, paradise.PeerSame},
		{"-lost-control-wait 0s -peer-check same", -1, paradise.PeerSame},
		{"-lost-control-wait 2s -peer-check subnet", 2 * time.Second, paradise.PeerSubnet},
		{"-peer-check any", 30 * time.Millisecond, paradise.PeerAny},
	} {
		cfg, err := parseFlags(strings.Fields(c.args+" -root "+t.TempDir()), io.Discard)
		require.NoError(t, err)
		files := newHomes(cfg)
		srv, err := newServer(cfg, slog.New(slog.DiscardHandler), files, &logins{}, nil)
		require.NoError(t, err)
		assert.Equal(t, c.wait, srv.Policy.LostControlWait, c.args)
		assert.Equal(t, c.peer, srv.Passive.PeerCheck, c.args)
		files.Close()
	}
}

func TestLimitsThatAreSetHoldWhateverElseIsSaid(t *testing.T) {
	for _, c := range []struct {
		args            string
		sessions, perIP int
	}{
		{"", 0, 256},
		{"-max-sessions-per-ip 0", 0, -1},
		{"-max-sessions-per-ip 3", 0, 3},
		{"-max-sessions 9", 9, 256},
		{"-abuse-limits off", 0, -1},
		{"-abuse-limits off -max-sessions-per-ip 0", 0, -1},
		{"-abuse-limits off -max-sessions-per-ip 3", 0, 3},
		{"-abuse-limits off -max-sessions-per-ip 256 -max-sessions 9", 9, 256},
	} {
		t.Run(c.args, func(t *testing.T) {
			cfg, err := parseFlags(strings.Fields(c.args), io.Discard)
			require.NoError(t, err)
			assert.Equal(t, c.sessions, cfg.limits().Sessions)
			assert.Equal(t, c.perIP, cfg.limits().SessionsPerIP)
			assert.Equal(t, strings.Contains(c.args, "off"), cfg.limits().BanAfter < 0)
			var out strings.Builder
			require.NoError(t, cfg.print(&out, cfg.set))
			again, err := inFile(t, out.String())
			require.NoError(t, err)
			assert.Equal(t, cfg.limits(), again.limits(), "printed and read again:\n%s", out.String())
		})
	}
}

func TestPrintedAccountsHaveNoPassword(t *testing.T) {
	cfg, err := inFile(t, fullAccount)
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, cfg.print(&out, cfg.set))
	assert.NotContains(t, out.String(), bcryptOfSecret)
	filled := strings.Replace(out.String(), "# password is not shown", fmt.Sprintf("password = %q", bcryptOfSecret), 1)
	require.NotEqual(t, out.String(), filled, "there is a place for the password")
	again, err := inFile(t, filled)
	require.NoError(t, err, filled)
	assert.Equal(t, cfg.accounts["alice"].policy(paradise.Policy{}), again.accounts["alice"].policy(paradise.Policy{}))
	assert.Equal(t, "alice", again.accounts["alice"].Home)
}

func TestASecretThatCannotBeReadIsToldWithItsFlag(t *testing.T) {
	dir := t.TempDir()
	missing, empty := filepath.Join(dir, "missing"), filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for key, url := range map[string]string{"auth-secret-file": "auth-url", "on-upload-secret-file": "on-upload"} {
		for _, c := range []struct{ name, file, want string }{
			{"missing", missing,
				"-" + key + " names " + missing + ", which does not exist: write the secret to that file, or correct the path"},
			{"empty", empty, "-" + key + " names " + empty + ", which holds no secret: write it to that file"},
			{"a folder", dir, "-" + key + ": "},
		} {
			t.Run(key+"/"+c.name, func(t *testing.T) {
				cfg, err := inFile(t,
					fmt.Sprintf("root = %q\n%s = \"http://127.0.0.1:8080/\"\n%s = %q\n", t.TempDir(), url, key, c.file))
				require.NoError(t, err)
				cfg.checkOnly = true
				err = cfg.try(io.Discard)
				require.ErrorContains(t, err, c.want)
				assert.NotContains(t, err.Error(), "\n", "one line")
			})
		}
	}
}

func TestCheckTellsWhatTheServerWouldSay(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"good", fullAccount, ""},
		{"no password", "[accounts.bob]\nhome = \"bob\"\n", `account "bob": has no password`},
		{"a home outside", strings.Replace(fullAccount, `home = "alice"`, `home = "../alice"`, 1), "leads out of -root"},
		{"a MIME type that is none", strings.Replace(fullAccount, "image/gif", "gif", 1), "no MIME type"},
		{"a certificate that is missing", "tls-cert = \"no\"\ntls-key = \"no\"\n", "certificate:"},
		{"a monitor for all", "monitor = \"0.0.0.0:5010\"\n", "set a token"},
		{"an xferlog in no folder", "xferlog = \"/no/such/log\"\n", "-xferlog: the folder of /no/such/log does not exist"},
		{"a journal in no folder", "journal = \"/no/such/j\"\n", "-journal: the folder of /no/such/j does not exist"},
		{"a missing htpasswd", "htpasswd = \"/no/such/file\"\n", "-htpasswd: open /no/such/file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := inFile(t, fmt.Sprintf("root = %q\n", t.TempDir())+c.text)
			require.NoError(t, err)
			err = cfg.try(io.Discard)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// A text that lost its last newline may have lost a digit before it. Who checks reads the
// words that a reload has for it; a start goes on, since some editors write no other.
func TestACheckRefusesAFileWithoutALastNewlineAsAReloadDoes(t *testing.T) {
	const whole = "max-sessions = 100\n[accounts.alice]\npassword = \"" + bcryptOfSecret + "\"\nmax-sessions = 100\n"
	for _, c := range []struct {
		text string
		line int // 0: it is right
	}{
		{whole, 0},
		{whole + "# end\n", 0},
		{whole + "\n \t", 0},
		{strings.ReplaceAll(whole, "\n", "\r\n"), 0},
		{strings.TrimSuffix(whole, "\n"), 4},
		{strings.TrimSuffix(whole, "0\n"), 4},
		{strings.TrimSuffix(whole, "max-sessions = 100\n") + "home = \"x\"", 4},
		{whole + "# end", 5},
		{whole + "[accounts.bob]\npassword = \"" + bcryptOfSecret + "\"", 6},
		{"durable = true", 1},
		{byteOrderMark + "user = \"a:b\"", 1},
	} {
		t.Run(c.text, func(t *testing.T) {
			cfg, err := inFile(t, c.text, "-root", t.TempDir())
			require.NoError(t, err)
			s, err := newService(cfg, nil, nil, &generations{})
			require.NoError(t, err)
			defer s.close()
			warned := strings.Join(s.users.current.Load().warnings(cfg), "\n")
			_, checked := inFile(t, c.text, "-check")
			reloaded := cut(whole, cfg.text)
			if c.line == 0 {
				require.NoError(t, checked)
				require.NoError(t, reloaded)
				assert.NotContains(t, warned, "no end")
				return
			}
			want := fmt.Sprintf("line %d: the last line has no end, as if the file had been cut: end it with a newline", c.line)
			require.EqualError(t, reloaded, want)
			require.ErrorContains(t, checked, "paradise.toml: "+want)
			assert.Contains(t, warned, "paradise.toml: "+want)
			require.NoError(t, cut(c.text, cfg.text), "nothing is lost")
		})
	}
}
