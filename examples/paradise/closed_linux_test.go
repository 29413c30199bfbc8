package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lets reports whether an account can log in.
func (p *program) lets(user, password string) bool {
	c, err := ftp.Dial(p.addr, ftp.DialWithTimeout(patience))
	require.NoError(p.t, err)
	defer c.Quit()
	return c.Login(user, password) == nil
}

// guarded is a server with accounts from all sources, and the files that name them.
type guarded struct {
	*program
	config, htpasswd, secret, cert, key string
}

const guardedAccounts = `
[accounts.alice]
password = "` + bcryptOfSecret + `"
home = "alice"
deny = ["read-only"]
max-sessions = 100
`

func launchGuarded(t *testing.T) *guarded {
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	g := &guarded{config: name("paradise.toml"), htpasswd: name("htpasswd"), secret: name("secret")}
	g.cert, g.key = writeCert(t, dir, "x")
	g.restore()
	g.program = launch(t, "-config", g.config, "-abuse-limits", "off")
	return g
}

// restore writes the files with their right content.
func (g *guarded) restore() {
	for name, text := range map[string]string{
		g.config: fmt.Sprintf("htpasswd = %q\ntls-policy = \"optional\"\ntls-cert = %q\ntls-key = %q\nauth-url = \"https://127.0.0.1:1/\"\nauth-secret-file = %q\nallow-types = [\"text/*\"]\n%s",
			g.htpasswd, g.cert, g.key, g.secret, guardedAccounts),
		g.htpasswd: "# accounts\nbob:" + bcryptOfSecret + "\n",
		g.secret:   "shared\n",
	} {
		os.RemoveAll(name)
		os.WriteFile(name, []byte(text), 0o600)
	}
}

// A file that lost its content, or a part of it, is as likely as one with an error:
// a full disk, a crash, an editor that empties a file before it writes.
func TestAReloadFromAFileThatLostSomethingChangesNothing(t *testing.T) {
	g := launchGuarded(t)
	read := func(name string) string {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(b)
	}
	config, cert, key := read(g.config), read(g.cert), read(g.key)
	upTo := func(part string) string { return config[:strings.Index(config, part)] }
	failed, loaded := 0, 0
	for _, c := range []struct{ name, file, text, want string }{
		{"empty", g.config, "", "the file says nothing"},
		{"white space", g.config, " \n\t\n", "the file says nothing"},
		{"comments alone", g.config, "# addr = \":21\"\n", "the file says nothing"},
		{"a mark of byte order alone", g.config, byteOrderMark, "the file says nothing"},
		{"NULs, as after a crash", g.config, strings.Repeat("\x00", 100), ""},
		{"cut before the accounts and what names others", g.config, "tls-policy = \"optional\"\n",
			"name no account any more"},
		{"cut inside of a word", g.config, config[:len(config)-10], "line"},
		{"cut inside of a number", g.config, config[:len(config)-2], "the last line has no end"},
		{"cut inside of an account", g.config, upTo("deny = "), `from \"deny\" on`},
		{"cut before the settings of all", g.config, upTo("allow-types"), `from \"allow-types\" on`},
		{"an empty list of accounts", g.config, "durable = false\n[accounts]\n", "names nobody"},
		{"no list of types", g.config, strings.Replace(config, `["text/*"]`, `[]`, 1), "allow-types: is empty"},
		{"no name for a file", g.config, strings.Replace(config, fmt.Sprintf("%q", g.htpasswd), `""`, 1),
			"htpasswd: is empty"},
		{"an empty home", g.config, strings.Replace(config, `home = "alice"`, `home = ""`, 1), "home: is empty"},
		{"an empty hash", g.config, strings.Replace(config, bcryptOfSecret, "", 1), "is no password hash"},
		{"missing", g.config, "missing", "no such file"},
		{"a folder", g.config, "folder", "no file that can be read again"},
		{"a pipe", g.config, "pipe", "no file that can be read again"},
		{"empty", g.htpasswd, "", "names nobody"},
		{"comments alone", g.htpasswd, "# accounts\n", "names nobody"},
		{"cut inside of a hash", g.htpasswd, "bob:" + bcryptOfSecret[:40], "is no password hash"},
		{"an empty hash", g.htpasswd, "bob:\n", "is no password hash"},
		{"a name alone", g.htpasswd, "bob\n", "want name:hash"},
		{"NULs", g.htpasswd, "\x00\x00\x00\x00", "want name:hash"},
		{"missing", g.htpasswd, "missing", "no such file"},
		{"a pipe", g.htpasswd, "pipe", "no file that can be read again"},
		{"empty", g.secret, "", "holds no secret"},
		{"NULs", g.secret, "\x00\x00\n", "holds no secret"},
		{"missing", g.secret, "missing", "does not exist"},
		{"empty", g.cert, "", "certificate"},
		{"empty", g.key, "", "certificate"},
		{"half", g.key, key[:len(key)/2], "certificate"},
		{"exchanged", g.key, cert, "certificate"},
	} {
		t.Run(filepath.Base(c.file)+"/"+c.name, func(t *testing.T) {
			require.NoError(t, os.Remove(c.file))
			switch c.text {
			case "missing":
			case "folder":
				require.NoError(t, os.Mkdir(c.file, 0o755))
			case "pipe":
				require.NoError(t, syscall.Mkfifo(c.file, 0o600))
			default:
				require.NoError(t, os.WriteFile(c.file, []byte(c.text), 0o600))
			}
			g.signal(syscall.SIGHUP)
			failed++
			g.logged(`level=ERROR msg="reload failed, nothing has changed"`, failed)
			log := strings.Split(strings.TrimSpace(g.stderr.String()), "\n")
			assert.Contains(t, lastWith(log, "reload failed"), c.want)
			assert.False(t, g.lets("auser", "secret"), "the account whose password all know")
			assert.False(t, g.lets("bob", ""), "an empty password")
			assert.True(t, g.lets("alice", "secret"))
			assert.True(t, g.lets("bob", "secret"))

			os.RemoveAll(c.file)
			g.restore()
			require.NoError(t, os.WriteFile(g.cert, []byte(cert), 0o600))
			require.NoError(t, os.WriteFile(g.key, []byte(key), 0o600))
			g.signal(syscall.SIGHUP)
			loaded++
			g.logged("configuration loaded", loaded)
		})
	}
}

func lastWith(lines []string, part string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.Contains(lines[i], part) {
			return lines[i]
		}
	}
	return ""
}

func TestTheLastAccountOfAFileMayBeTakenAway(t *testing.T) {
	g := launchGuarded(t)
	config, err := os.ReadFile(g.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(g.config, config[:strings.Index(string(config), "[accounts")], 0o600))
	g.signal(syscall.SIGHUP)
	g.logged("configuration loaded", 1)
	assert.False(t, g.lets("alice", "secret"))
	assert.True(t, g.lets("bob", "secret"))
}

func TestARestartDoesNotGoBackToTheAccountThatAllKnow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paradise.toml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("durable = false\n" + guardedAccounts)
	p := launch(t, "-config", file, "-abuse-limits", "off")
	p.restart() // a process passes on what it has inherited
	for i, text := range []string{"", "durable = false\n", "# durable = false\n"} {
		write(text)
		p.signal(syscall.SIGUSR2)
		p.logged("restart failed, nothing has changed", i+1)
		assert.False(t, p.lets("auser", "secret"))
		assert.True(t, p.lets("alice", "secret"))
	}
}

// The reload of the systemd unit is a restart.
func TestARestartFromAFileThatLostItsEndChangesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paradise.toml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	whole := "durable = false\n" + guardedAccounts
	write(whole)
	p := launch(t, "-config", file, "-abuse-limits", "off")
	p.restart() // a successor also knows its own file as the one in force
	for i, c := range []struct{ text, want string }{
		{whole[:strings.Index(whole, "deny")], `from \"deny\" on`},
		{whole[:strings.Index(whole, "max-sessions")], `from \"max-sessions\" on`},
		{whole[:len(whole)-2], "the last line has no end"},
	} {
		write(c.text)
		p.signal(syscall.SIGUSR2)
		p.logged("restart failed, nothing has changed", i+1)
		assert.Contains(t, lastWith(strings.Split(p.stderr.String(), "\n"), "restart failed"), c.want)
		assert.True(t, p.lets("alice", "secret"))
	}
	write(whole[:strings.Index(whole, "max-sessions")] + "# no bound\n")
	p.restart()
}

func TestAStartWithAFileThatSaysNothingIsRefused(t *testing.T) {
	for _, text := range []string{"", "\n", "# addr = \":21\"\n", byteOrderMark, "[accounts]\n"} {
		t.Run(text, func(t *testing.T) {
			for _, more := range [][]string{nil, {"-user", "a:b"}, {"-check"}} {
				_, err := inFile(t, text, more...)
				require.Error(t, err)
			}
		})
	}
	for _, args := range [][]string{{"-htpasswd", ""}, {"-auth-url", ""}, {"-user", ""}, {"-config", ""},
		{"-tls-cert", "", "-tls-key", ""}, {"-root", ""}, {"-allow-types", ""}} {
		_, err := parseFlags(args, io.Discard)
		require.Error(t, err, "a variable that was not set: %v", args)
	}
}

// Each form of an address, and whether other machines can reach it.
var forms = map[string]bool{
	":2121": true, "0.0.0.0:2121": true, "[::]:2121": true, "192.0.2.1:2121": true, "[2001:db8::1]:2121": true,
	"[::ffff:192.0.2.1]:21": true,
	"[fe80::1%eth0]:2121":   true, "no-such-name.invalid:2121": true, ":0": true, ":ftp": true, "0:2121": true,
	"127.0.0.1:2121": false, "127.1.2.3:2121": false, "[::1]:2121": false, "[::ffff:127.0.0.1]:2121": false,
	"localhost:2121": false, "127.0.0.1:ftp": false,
}

func TestTheAccountThatAllKnowIsForThisMachineAlone(t *testing.T) {
	cert, key := writeCert(t, t.TempDir(), "x")
	hashes := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(hashes, []byte("bob:"+bcryptOfSecret+"\n"), 0o600))
	for addr, open := range forms {
		t.Run(addr, func(t *testing.T) {
			_, err := parseFlags([]string{"-addr", addr}, io.Discard)
			_, err2 := parseFlags([]string{"-tls-addr", addr, "-tls-cert", cert, "-tls-key", key, "-addr", "127.0.0.1:9"},
				io.Discard)
			if open {
				require.ErrorContains(t, err, "-addr: "+addr+" can be reached from other machines")
				require.ErrorContains(t, err, "give -user NAME:PASSWORD, -htpasswd FILE, -auth-url URL, or accounts in the file of -config; or listen on 127.0.0.1")
				require.ErrorContains(t, err2, "-tls-addr: "+addr+" can be reached")
			} else {
				require.NoError(t, err)
				require.NoError(t, err2)
			}
			for _, account := range [][]string{{"-user", "a:b"}, {"-htpasswd", hashes}, {"-auth-url", "https://auth.example/"}} {
				_, err = parseFlags(append(account, "-addr", addr), io.Discard)
				require.NoError(t, err)
			}
			_, err = inFile(t, guardedAccounts, "-addr", addr)
			require.NoError(t, err)
			_, err = inFile(t, "durable = true\n", "-addr", addr)
			require.Equal(t, open, err != nil, "a file without accounts")
		})
	}
}

func TestWhatIsListenedOnCounts(t *testing.T) {
	everywhere, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	defer everywhere.Close()
	here, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer here.Close()
	cfg, err := parseFlags(nil, io.Discard)
	require.NoError(t, err)
	s := &service{cfg: cfg}
	require.NoError(t, s.checkOpen(map[string]net.Listener{"ftp": here, "ftps": here, "monitor": everywhere}))
	require.ErrorContains(t, s.checkOpen(map[string]net.Listener{"ftp": here, "ftps": everywhere}), "-tls-addr: ")
	_, err = everywhere.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestAServerForAllWithoutAccountsDoesNotStart(t *testing.T) {
	cmd := exec.Command(install(t), "-addr", ":0", "-monitor", "", "-root", t.TempDir())
	cmd.Env = append(os.Environ(), envMain+"=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "give -user NAME:PASSWORD, -htpasswd FILE")
	require.Equal(t, 1, strings.Count(string(out), "\n"), "one line: %s", out)
}

func TestAnAddressThatIsTakenIsToldWithItsFlag(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, flag := range []string{"-addr", "-monitor"} {
		args := []string{"-addr", "127.0.0.1:0", "-monitor", "127.0.0.1:0", "-root", t.TempDir(), flag, taken.Addr().String()}
		cmd := exec.Command(install(t), args...)
		cmd.Env = append(os.Environ(), envMain+"=1")
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "paradise: "+flag+": listen tcp "+taken.Addr().String())
		require.Contains(t, string(out), "in use: stop the program that has it, or give another host:port")
		require.Equal(t, 1, strings.Count(string(out), "\n"), "one line: %s", out)
	}
}

func TestAnEmptyPasswordOpensNothing(t *testing.T) {
	const bcryptOfNothing = "$2y$04$XcXchx6KEynx99oIYESAEenr7nKiKC7tL2f8Mg0wUsCfmow6Rsiom"
	hashes := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t,
		os.WriteFile(hashes, []byte("bob:"+bcryptOfNothing+"\ncarol:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=\n"), 0o600))
	listed, err := readHtpasswd(hashes)
	require.NoError(t, err)
	require.True(t, listed["bob"].fits("") && listed["carol"].fits(""), "they are hashes of it")
	p := launch(t, "-htpasswd", hashes, "-abuse-limits", "off")
	for _, user := range []string{"bob", "carol", "auser", "nobody"} {
		assert.False(t, p.lets(user, ""), user)
		assert.False(t, p.lets(user, "secret"), user)
	}
}

func TestHashesThatAreNoneAreRefused(t *testing.T) {
	for _, text := range []string{"", "*", "!", "x", "secret", ":", "$", "$$$", "$2y$", "$2y$04$", bcryptOfSecret[:59],
		bcryptOfSecret + "x", "$apr1$", "$apr1$salt$",
		"$apr1$salt$short", "$1$$", "$1$salt$", "$5$salt$", "$6$salt$", "$6$$", "{SHA}", "{SHA}2jmj7l5rSw0yVb/vlWAYkK/Y",
		"{SSHA}", "{SSHA}AAAA",
		"$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$$", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$", "$unknown$x"} {
		_, err := parseHash(text)
		assert.ErrorIs(t, err, errHash, "%q", text)
	}
	file := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(file, []byte("bob:"+bcryptOfSecret+"\nbob:"+bcryptOfSecret+"\n"), 0o600))
	_, err := readHtpasswd(file)
	require.ErrorContains(t, err, `line 2: "bob" is there already`)
}
