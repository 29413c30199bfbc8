package main

import (
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests of this file go through all flags and keys, so they cover new ones without a
// change here.

// saysWhatToDo matches a part that every message about a setting must have.
var saysWhatToDo = regexp.MustCompile(`\b(write|use|want|give|belongs|did you mean)\b`)

// kindOf returns the kind of a flag's value, or "text" if the flag package does not know it.
func kindOf(f *flag.Flag) string {
	switch f.Value.(type) {
	case *choiceFlag, *levelFlag:
		return "choice"
	case *addrFlag:
		return "address"
	case *portRange:
		return "ports"
	case *userFlag:
		return "account"
	}
	if _, adds := f.Value.(repeatable); adds {
		return "list"
	}
	if g, ok := f.Value.(flag.Getter); ok {
		switch g.Get().(type) {
		case bool:
			return "bool"
		case int:
			return "number"
		case time.Duration:
			return "time"
		case *netip.Addr:
			return "IP"
		case string:
			return "text"
		}
	}
	return fmt.Sprintf("%T", f.Value)
}

// nonsense has the values on the command line that each kind must refuse.
var nonsense = map[string][]string{
	"bool":   {"maybe", "2"},
	"number": {"many", "-1", "1.5", "10k", "1 000", "99999999999999999999", "0x10", ""},
	"time":   {"300", "5", "-5m", "soon", "1d", "5 m", "5min", "1,5h", ""},
	"IP":     {"name", "localhost", "1.2.3", "192.0.2.1:21", "192.0.2.0/24"},
	"choice": {"other", "on,off", "On!", ""},
	"address": {"2121", "host", "::1:2121:", "::1", "[::1]", ":70000", ":65536", ":-1", "127.0.0.1:", "ftp://host:21",
		"127.0.0.1:2121/", ":port!"},
	"ports":   {"70000-70001", "50000", "0-5", "9-3", "1-65536", "a-b", "5-", "-5"},
	"account": {"name", ":secret", "name:", ""},
	"list":    {"", " "},
	"text":    {"", " "},
}

// everyFlag calls f for each flag.
func everyFlag(f func(*flag.Flag)) { (&config{}).flags(io.Discard).VisitAll(f) }

func TestEveryFlagSaysWhatItWants(t *testing.T) {
	everyFlag(func(f *flag.Flag) {
		values, known := nonsense[kindOf(f)]
		require.True(t, known, "-%s is a %s: say above what makes no sense for it", f.Name, kindOf(f))
		for _, value := range values {
			if kindOf(f) == "text" && slices.Contains(mayBeEmpty, f.Name) {
				continue
			}
			t.Run(f.Name+"="+value, func(t *testing.T) {
				_, err := parseFlags([]string{"-" + f.Name + "=" + value}, io.Discard)
				require.Error(t, err)
				assert.Regexp(t, "^-"+f.Name+"( is|:)", err.Error(), "the flag")
				assert.Regexp(t, saysWhatToDo, err.Error())
				assert.NotContains(t, err.Error(), "\n", "one line")
			})
		}
	})
}

func TestAValueIsExplained(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-idle-timeout 300", `-idle-timeout is "300": a time needs its unit: write 300s or 5m`},
		{"-drain-timeout 90", `-drain-timeout is "90": a time needs its unit: write 90s or 90m`},
		{"-restart-grace -1s", `-restart-grace is "-1s": a time cannot be below zero`},
		{"-idle-timeout 0", "-idle-timeout is 0: nobody could log in; use 1s or more"},
		{"-restart-timeout 0s", "-restart-timeout is 0: no restart could succeed; use 1s or more"},
		{"-max-sessions many", `-max-sessions is "many": write a whole number, 0 or more`},
		{"-max-sessions 10k", `-max-sessions is "10k": write a whole number without a unit: 10k is 10000`},
		{"-addr 2121", `-addr is "2121": write host:port, as in 127.0.0.1:2121 for this machine or :2121 for all`},
		{"-addr ::1", `-addr is "::1": write host:port; an IPv6 address in brackets, as in [::1]:2121`},
		{"-addr :65536", `-addr is ":65536": "65536" is no port: write host:port with a port from 0 to 65535`},
		{"-monitor 5010", `-monitor is "5010": write host:port`},
		{"-tls-addr 990", `-tls-addr is "990": write host:port`},
		{"-acme-http 80", `-acme-http is "80": write host:port`},
		{"-passive-ports 70000-70010", `-passive-ports is "70000-70010": want min-max, as in 50000-50100`},
		{"-public-ip name", `-public-ip is "name": write an IP address, as in 192.0.2.1`},
		{"-public-ip 2001:db8::1", `-public-ip is 2001:db8::1: write the IPv4 address that clients connect to`},
		{"-public-ip 0.0.0.0", `-public-ip is 0.0.0.0: write the IPv4 address that clients connect to`},
		{"-adr :21", "flag provided but not defined: -adr; did you mean -addr?; paradise -h lists the flags"},
		{"-idle-timout 5m", "did you mean -idle-timeout?"},
		{"-durable false",
			`"false" belongs to no flag: one that is on or off takes its value behind =, as in -durable=false`},
		{"-addr 127.0.0.1:2121 -monitor 127.0.0.1:2121",
			"-addr and -monitor are both 127.0.0.1:2121: give each a port of its own"},
	} {
		t.Run(c.args, func(t *testing.T) {
			_, err := parseFlags(strings.Fields(c.args), io.Discard)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestNoMessageHasASecret(t *testing.T) {
	for _, args := range [][]string{{"-user", ":hunter2"}, {"-user", "hunter2"}, {"-user=a:b", "-user=:hunter2"}} {
		_, err := parseFlags(args, io.Discard)
		require.ErrorContains(t, err, "-user: want name:password")
		assert.NotContains(t, err.Error(), "hunter2")
	}
	for _, key := range secret {
		_, err := inFile(t, key+" = [\"hunter2\", 5]\n")
		require.ErrorContains(t, err, key)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

// tomlNonsense has values of each TOML type, with the kinds that accept them.
var tomlNonsense = []struct {
	value string
	right []string
}{
	{`true`, []string{"bool"}},
	{`"many"`, []string{"text", "list", "account", "choice", "address", "ports", "IP"}}, // what they refuse is tried by flag
	{`""`, []string{"text", "address", "ports", "IP"}},
	{`7`, []string{"number"}},
	{`-7`, nil},
	{`1.5`, nil},
	{`2026-01-02`, nil},
	{`2026-01-02T03:04:05Z`, nil},
	{`[5]`, nil},
	{`[true, "x"]`, nil},
	{`{ x = 1 }`, nil},
	{`[{ x = 1 }]`, nil},
}

func TestEveryKeySaysWhatItWants(t *testing.T) {
	everyFlag(func(f *flag.Flag) {
		if slices.Contains(notInFile, f.Name) {
			return
		}
		for _, c := range tomlNonsense {
			if slices.Contains(c.right, kindOf(f)) {
				continue
			}
			t.Run(f.Name+"="+c.value, func(t *testing.T) {
				_, err := inFile(t, "# a line\n"+f.Name+" = "+c.value+"\n")
				require.ErrorContains(t, err, ": line 2: "+f.Name+": ")
				assert.Regexp(t, saysWhatToDo, err.Error())
				assert.NotContains(t, err.Error(), "\n", "one line")
			})
		}
	})
}

// accountWith returns a file with one account and a given fourth line.
func accountWith(line string) string {
	return "# a line\n[accounts.alice]\npassword = \"" + bcryptOfSecret + "\"\n" + line + "\n"
}

func TestEveryKeyOfAnAccountSaysWhatItWants(t *testing.T) {
	taken := map[reflect.Kind][]string{
		reflect.Bool: {`true`}, reflect.Int: {`7`}, reflect.Int64: {`7`}, reflect.String: {`"many"`}, reflect.Slice: nil,
		reflect.Struct: {`{ x = 1 }`},
	}
	check := func(keys map[string]reflect.Type, prefix string) {
		for _, key := range sortedKeys(keys) {
			for _, c := range tomlNonsense {
				kind := keys[key].Kind()
				right, known := taken[kind]
				if readsText(keys[key]) || keys[key] == reflect.TypeFor[*hash]() {
					right, known = []string{`"many"`, `""`}, true // errors of their own
				}
				require.True(t, known, "%s is a %v: say above what it takes", key, kind)
				if slices.Contains(right, c.value) || key == "password" {
					continue
				}
				t.Run(prefix+key+"="+c.value, func(t *testing.T) {
					_, err := inFile(t, accountWith(prefix+key+" = "+c.value))
					require.ErrorContains(t, err, ": line 4: accounts.alice."+prefix+key)
					assert.Regexp(t, saysWhatToDo, err.Error())
					assert.NotContains(t, err.Error(), "\n", "one line")
				})
			}
		}
	}
	check(accountKeys, "")
	check(fieldsOf(reflect.TypeFor[deviceProfile]()), "device.")
}

func TestAValueOfTheFileIsExplained(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`idle-timeout = 300`, "line 1: idle-timeout: a time needs its unit: write 300s or 5m"},
		{`idle-timeout = "300"`, "line 1: idle-timeout: a time needs its unit: write 300s or 5m"},
		{`max-sessions = "many"`, "line 1: max-sessions: is a text: write a whole number, 0 or more, without quotes"},
		{`max-sessions = "7"`, "without quotes"},
		{`addr = 2121`, "line 1: addr: is a number: write a text in quotes"},
		{`addr = "2121"`, "line 1: addr: write host:port, as in 127.0.0.1:2121 for this machine"},
		{`root = ["a", "b"]`, "line 1: root: is a list: write a text in quotes"},
		{`durable = "yes"`, "line 1: durable: is a text: write true or false without quotes"},
		{`tls-policy = "never"`, "line 1: tls-policy: use optional or required"},
		{accountWith(`upload-rate = "1MB"`), "line 4: accounts.alice.upload-rate: is a text: write a whole number without a unit: 1MB is 1000000, without quotes"},
		{accountWith(`max-file-size = "2GiB"`), "2GiB is 2147483648"},
		{accountWith(`max-file-size = -1`),
			"line 4: accounts.alice.max-file-size: is below zero: write a whole number, or leave the line out for no bound"},
		{accountWith(`home = ""`), "line 4: accounts.alice.home: is empty"},
		{accountWith(`deny = []`), "line 4: accounts.alice.deny: is an empty list"},
		{accountWith(`deny = "read-only"`), "line 4: accounts.alice.deny: is a text: write a list"},
		{accountWith(`device = true`), "line 4: accounts.alice.device: is no table"},
		{"[accounts]\nalice = \"secret\"", "line 2: accounts.alice: is no table: write [accounts.alice]"},
		{"[[accounts]]\npassword = \"x\"", "accounts: is no table: write [accounts.NAME]"},
		{`accounts = "alice"`, "line 1: accounts: is no table: write [accounts.NAME]"},
		{"[accounts]", "accounts: names nobody"},
		{"[accounts.\"\"]\npassword = \"x\"", "without a name"},
		{`allow-types = []`, "line 1: allow-types: is empty"},
		{`user = []`, "line 1: user: is empty"},
		{`htpasswd = ""`, "line 1: htpasswd: is empty"},
		{"addr = \":1\"\naddr = \":2\"", "line 2: addr: Key 'addr' has already been defined"},
		{"addr = \"127.0.0.1:21\"\nadr = \"x\"", "line 2: adr: unknown key; did you mean addr?"},
		{accountWith(`hme = "x"`), "line 4: accounts.alice.hme: unknown key; did you mean home?"},
		{accountWith(`device.make-parent = true`), "unknown key; did you mean make-parents?"},
		{accountWith(`addr = ":21"`),
			"line 4: accounts.alice.addr: unknown key: it holds for all and belongs to the top of the file"},
		{accountWith(`make-parents = true`),
			"line 4: accounts.alice.make-parents: unknown key: it belongs to device, as in device = { make-parents = true }"},
		{accountWith(`device.home = "x"`), "accounts.alice.device.home: unknown key: it belongs to the account itself"},
		{`home = "x"`, "line 1: home: unknown key: it belongs to an account, below [accounts.NAME]"},
		{`check = true`, "line 1: check: unknown key: it is a flag only"},
		{"[account.alice]\npassword = \"x\"", "unknown key; did you mean accounts?"},
	} {
		t.Run(c.text, func(t *testing.T) {
			_, err := inFile(t, c.text+"\n")
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n", "one line")
		})
	}
}

func TestAMistypedNameIsRecognised(t *testing.T) {
	everyFlag(func(f *flag.Flag) {
		if len(f.Name) < 5 {
			return
		}
		mid := len(f.Name) / 2
		for _, typo := range []string{f.Name[:mid] + f.Name[mid+1:], f.Name[:mid] + "x" + f.Name[mid:],
			f.Name[:mid-1] + f.Name[mid:mid+1] + f.Name[mid-1:mid] + f.Name[mid+1:]} {
			if typo == f.Name || (&config{}).flags(io.Discard).Lookup(typo) != nil {
				continue
			}
			_, err := parseFlags([]string{"-" + typo, "x"}, io.Discard)
			assert.ErrorContains(t, err, "did you mean -"+f.Name+"?", "-%s", typo)
		}
	})
}

func TestCommandsAnswerABadFlagInOneLine(t *testing.T) {
	for _, name := range []string{"who", "top", "healthcheck", "hash-password"} {
		for _, c := range []struct{ arg, want string }{
			{"-no-such-flag", "flag provided but not defined: -no-such-flag"},
			{"word", `"word" is no flag`},
			{"-monitor=5010", `-monitor is "5010": write host:port`},
			{"-monitor=", "-monitor is empty"},
			{"-monitor-tokn-file=x", "did you mean -monitor-token-file?"},
			{"-monitor-token-file=", "-monitor-token-file is empty"},
		} {
			if name == "hash-password" && strings.Contains(c.arg, "monitor") {
				continue
			}
			t.Run(name+c.arg, func(t *testing.T) {
				var err error
				var out strings.Builder
				switch name {
				case "who":
					err = who([]string{c.arg}, io.Discard, &out)
				case "top":
					err = top([]string{c.arg}, os.Stdin, os.Stdout, &out)
				case "healthcheck":
					err = healthcheck([]string{"-ready", c.arg}, &out)
				case "hash-password":
					err = hashPassword([]string{c.arg}, strings.NewReader("x"), io.Discard, &out)
				}
				require.ErrorContains(t, err, c.want)
				assert.NotContains(t, err.Error(), "\n", "one line")
				assert.Empty(t, out.String(), "main prints the error")
			})
		}
	}
}

func TestHelpOfACommandListsItsFlags(t *testing.T) {
	var out strings.Builder
	require.ErrorIs(t, healthcheck([]string{"-h"}, &out), flag.ErrHelp)
	for _, name := range []string{"-ready", "-monitor ", "-monitor-token-file"} {
		assert.Contains(t, out.String(), "  "+name)
	}
}

func TestAnIdentityServiceInTheClearIsRefused(t *testing.T) {
	for url, good := range map[string]bool{
		"http://auth.example/login":  false,
		"http://192.0.2.1/":          false,
		"ftp://auth.example/":        false,
		"auth.example":               false,
		"https://":                   false,
		"https://auth.example/login": true,
		"http://127.0.0.1:8080/":     true,
		"http://localhost:8080/":     true,
		"http://[::1]:8080/":         true,
	} {
		t.Run(url, func(t *testing.T) {
			cfg, err := parseFlags([]string{"-root", t.TempDir(), "-auth-url", url}, io.Discard)
			require.NoError(t, err)
			cfg.checkOnly = true
			err = cfg.try(io.Discard)
			if good {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "-auth-url: ")
			assert.Regexp(t, saysWhatToDo, err.Error())
		})
	}
}

// fileFlags set a flag that names a file, and those that it needs.
func fileFlags(t *testing.T, name, file string) []string {
	args := []string{"-" + name, file}
	switch name {
	case "tls-key":
		args = append(args, "-tls-cert", filepath.Join(t.TempDir(), "cert"))
	case "tls-cert":
		args = append(args, "-tls-key", filepath.Join(t.TempDir(), "key"))
	case "acme-cache":
		args = append(args, "-acme-domains", "ftp.example.com")
	case "auth-secret-file":
		args = append(args, "-auth-url", "https://auth.example/")
	case "on-upload-secret-file":
		args = append(args, "-on-upload", "https://hook.example/")
	case "config":
		os.WriteFile(file, []byte("durable = true\n"), 0o600)
	}
	return args
}

func TestNoFileOfTheServerIsServed(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	root, link, home := filepath.Join(dir, "root"), filepath.Join(dir, "link"), filepath.Join(dir, "home")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "sub"), 0o755))
	require.NoError(t, os.Mkdir(home, 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "other"), 0o755))
	if err := os.Symlink(root, link); err != nil {
		t.Skip("no links here:", err)
	}
	require.NoError(t, os.Symlink(filepath.Join(root, "sub"), filepath.Join(dir, "away")))
	tested := 0
	everyFlag(func(f *flag.Flag) {
		kind, _ := flag.UnquoteUsage(f)
		if kind != "file" && kind != "folder" || f.Name == "root" {
			return
		}
		tested++
		for _, c := range []struct {
			name, root, file string
			refused          bool
		}{
			{"inside", root, filepath.Join(root, "x"), true},
			{"deep inside", root, filepath.Join(root, "sub", "not", "yet", "x"), true},
			{"by way of dots", root, filepath.Join(dir, "other") + strings.Join([]string{"", "..", "root", "x"}, "/"), true},
			{"the root is a link", link, filepath.Join(root, "x"), true},
			{"the file is reached by a link", root, filepath.Join(link, "x"), true},
			{"a link into it", root, filepath.Join(dir, "away", "x"), true},
			{"a root that is not there yet", filepath.Join(dir, "later"), filepath.Join(dir, "later", "x"), true},
			{"beside it", root, filepath.Join(dir, "root-x"), false},
			{"above it", root, filepath.Join(dir, "x"), false},
		} {
			if f.Name == "config" && strings.Contains(c.file, "later") || f.Name == "config" && strings.Contains(c.file, "yet") {
				continue // this file must exist
			}
			t.Run(f.Name+"/"+c.name, func(t *testing.T) {
				_, err := parseFlags(append(fileFlags(t, f.Name, c.file), "-root", c.root), io.Discard)
				if !c.refused {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err,
					"-"+f.Name+" lies below -root, where clients could read or change it: name one elsewhere than ")
			})
		}
	})
	require.GreaterOrEqual(t, tested, 9, "flags that name a file")
	_, err = inFile(t, accountWith(fmt.Sprintf("home = %q", home)), "-pid-file", filepath.Join(home, "x"))
	require.ErrorContains(t, err, `-pid-file lies below the home of account "alice"`)
}

func TestTheJournalBesideARootWithoutANameIsOutside(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg, err := parseFlags(strings.Fields("-root . -on-upload https://hook.example/"), io.Discard)
	require.NoError(t, err)
	inside, err := below(".", cfg.journalFile())
	require.NoError(t, err)
	assert.False(t, inside, cfg.journalFile())
}

func TestEveryTextIsRefusedWhereItIsEmptyButForThoseThatMeanSomething(t *testing.T) {
	everyFlag(func(f *flag.Flag) {
		if slices.Contains(mayBeEmpty, f.Name) {
			usage := strings.ToLower(f.Usage)
			assert.Regexp(t, "empty|repeatable|may write", usage, "-%s says what it means without a value", f.Name)
		}
	})
}
