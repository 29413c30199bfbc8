package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/auth/webhook"
)

// warningsOf returns the warnings of a check of the configuration.
func warningsOf(t *testing.T, text string, args ...string) string {
	t.Helper()
	cfg, err := inFile(t, text, append(args, "-root", filepath.Join(t.TempDir(), "root"), "-check")...)
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, cfg.try(&out))
	warnings, found := strings.CutSuffix(out.String(), "the configuration is good\n")
	require.True(t, found)
	return warnings
}

func TestAccountsThatSeeAllHomesAreNamed(t *testing.T) {
	hashes := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(hashes, []byte("carol:"+bcryptOfSecret+"\ndave:"+bcryptOfSecret+"\n"), 0o600))
	account := func(name, more string) string {
		return "[accounts." + name + "]\npassword = \"" + bcryptOfSecret + "\"\n" + more
	}
	withHome := account("alice", "home = \"alice\"\n")
	var many strings.Builder
	for i := range 12 {
		many.WriteString(account(fmt.Sprintf("u%02d", i), ""))
	}
	const seeAll = "without a home of their own these see all homes below -root: give each a line home"
	for _, c := range []struct {
		name, text string
		args       []string
		want       string
	}{
		{"all have one", withHome, nil, ""},
		{"none has one", account("bob", ""), nil, ""},
		{"one has none", withHome + account("bob", ""), nil, "warning: bob: " + seeAll},
		{"-user", withHome, []string{"-user", "erin:x"}, "warning: erin: " + seeAll},
		{"-htpasswd", withHome, []string{"-htpasswd", hashes}, "warning: carol, dave: " + seeAll},
		{"-auth-url", withHome, []string{"-auth-url", "https://auth.example/"}, "warning: the users of -auth-url: " + seeAll},
		{"many", withHome + many.String(), nil, "u08, u09, and 2 more: " + seeAll},
		{"a home elsewhere", account("alice", fmt.Sprintf("home = %q\n", t.TempDir())) + account("bob", ""), nil, ""},
		{"a start is no home", withHome + account("bob", "start = \"/in\"\n"), nil, "warning: bob: " + seeAll},
		{"each has one", "own-homes = true\n" + withHome + account("bob", ""), []string{"-htpasswd", hashes}, ""},
		{"a pid file in no folder", withHome, []string{"-pid-file", "/no/such/pid"},
			"-pid-file: the folder of /no/such/pid does not exist"},
		{"nobody is named", "durable = true\n", nil,
			"the file of -config names no account: auser, whose password all know, is let in from this machine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := warningsOf(t, c.text, c.args...)
			if c.want == "" {
				require.Empty(t, got)
				return
			}
			require.Contains(t, got, c.want)
			require.Equal(t, 1, strings.Count(got, "\n"), got)
		})
	}
}

func TestAWarningIsLoggedAtStartAndReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "paradise.toml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(guardedAccounts)
	p := launch(t, "-config", file, "-user", "auser:secret")
	p.logged(`level=WARN msg="auser: without a home of their own`, 1)
	write(guardedAccounts + strings.Replace(strings.Replace(guardedAccounts, "alice", "bob", 1), `home = "alice"`, "", 1))
	p.signal(syscall.SIGHUP)
	p.logged(`level=WARN msg="auser, bob: without a home of their own`, 1)
}

func TestAFolderThatTakesNoUploadsIsWarnedOf(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	root, home := filepath.Join(dir, "root"), filepath.Join(dir, "root", "home")
	require.NoError(t, os.MkdirAll(home, 0o755))
	require.NoError(t, os.Chmod(home, 0o555))
	config := filepath.Join(dir, "paradise.toml")
	text := strings.Replace(guardedAccounts, `home = "alice"`, `home = "home"`, 1)
	require.NoError(t, os.WriteFile(config, []byte(strings.Replace(text, `deny = ["read-only"]`, "", 1)), 0o644))
	check := func(args ...string) string {
		cmd := exec.Command(install(t), append(args, "-check", "-config", config, "-root", root)...)
		cmd.Env = append(os.Environ(), envMain+"=1")
		if os.Getuid() == 0 { // no mode stops root
			self, err := os.ReadFile(cmd.Path)
			require.NoError(t, err)
			cmd.Path = filepath.Join(dir, "program")
			require.NoError(t, os.WriteFile(cmd.Path, self, 0o755))
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	require.Contains(t, check(),
		"warning: "+home+": is not writable: permission denied: uploads to it will be refused; give the user")
	require.NoError(t, os.Chmod(home, 0o777))
	require.NotContains(t, check(), home)
	require.NoError(t, os.Chmod(root, 0o555))
	t.Cleanup(func() { require.NoError(t, os.Chmod(root, 0o755)) }) // so that an ordinary user can remove it
	require.Contains(t, check("-user", "a:b"), "warning: "+root+": is not writable")
	require.NoError(t, os.WriteFile(config, []byte(text), 0o644))
	require.NoError(t, os.Chmod(home, 0o555))
	require.NotContains(t, check(), "not writable", "of who may not write nothing is to be said")
}

func TestEachUserHasAFolder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ask, err := webhook.ReadRequest(r, []byte("shared"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(webhook.Answer{Allow: ask.Password == "secret", Name: strings.TrimPrefix(ask.User, "as-")})
	})}
	go hs.Serve(l)
	defer hs.Close()
	hashes := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(hashes, []byte("bob:"+bcryptOfSecret+"\ncarol:"+bcryptOfSecret+"\n"), 0o600))
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("shared"), 0o600))
	p := launch(t, "-own-homes", "-htpasswd", hashes, "-user", "erin:secret", "-abuse-limits", "off",
		"-auth-url", "http://"+l.Addr().String()+"/", "-auth-secret-file", secret)
	store := func(user, file string) error {
		c, err := ftp.Dial(p.addr, ftp.DialWithTimeout(patience))
		require.NoError(t, err)
		defer c.Quit()
		require.NoError(t, c.Login(user, "secret"))
		return c.Stor(file, strings.NewReader(user))
	}
	for user, folder := range map[string]string{"bob": "bob", "carol": "carol", "erin": "erin", "remote": "remote",
		"as-other": "other"} {
		require.NoError(t, store(user, "/../../f"), user)
		b, err := os.ReadFile(filepath.Join(p.root, folder, "f"))
		require.NoError(t, err)
		require.Equal(t, user, string(b))
	}
	for _, user := range []string{"..", ".", "a/b", "/", "as-..", "as-../bob"} {
		require.Error(t, store(user, "f"), user)
	}
	names, err := filepath.Glob(filepath.Join(p.root, "[^.]*")) // osfs has hidden names of its own
	require.NoError(t, err)
	assert.Len(t, names, 5, "no other folder: %v", names)
}

func TestAnAccountThatNoFolderCanBeNamedAsIsRefused(t *testing.T) {
	for _, name := range []string{"a/b", "..", ".hidden", `a\b`} {
		hashes := filepath.Join(t.TempDir(), "htpasswd")
		require.NoError(t, os.WriteFile(hashes, []byte(name+":"+bcryptOfSecret+"\n"), 0o600))
		cfg, err := parseFlags([]string{"-own-homes", "-htpasswd", hashes, "-root", t.TempDir()}, io.Discard)
		require.NoError(t, err)
		require.ErrorContains(t, cfg.try(io.Discard),
			fmt.Sprintf(`-own-homes: no folder can be named as the account %q: give it a line home`, name))
	}
}

func TestWhatIsOpenInTheJournalIsLookedForInTheUsersFolder(t *testing.T) {
	cfg, err := parseFlags([]string{"-own-homes", "-user", "bob:x", "-root", t.TempDir()}, io.Discard)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(cfg.root, "bob"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(cfg.root, "bob", "f"), []byte("12345"), 0o644))
	h := newHomes(cfg)
	defer h.Close()
	e, err := byAccount{homes: h}.Stat(t.Context(), &paradise.Session{User: paradise.User{Name: "bob"}}, "/f")
	require.NoError(t, err)
	require.EqualValues(t, 5, e.Size)
}

func TestTheMonitorsTokenComesFromAFile(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	write := func(text string) { require.NoError(t, os.WriteFile(token, []byte(text), 0o600)) }
	try := func(args ...string) error {
		cfg, err := parseFlags(append(args, "-root", filepath.Join(dir, "root")), io.Discard)
		if err != nil {
			return err
		}
		return cfg.try(io.Discard)
	}
	write("0123456789abcdef\n")
	require.NoError(t, try("-monitor", "0.0.0.0:5010", "-monitor-token-file", token))
	require.ErrorContains(t, try("-monitor-token", "0123456789abcdef", "-monitor-token-file", token), "exclude each other")
	require.ErrorContains(t, try("-monitor-token-file", filepath.Join(dir, "no")),
		"-monitor-token-file names "+filepath.Join(dir, "no")+", which does not exist")
	require.ErrorContains(t, try("-monitor", "0.0.0.0:5010"), "-monitor-token-file FILE")
	write("\n")
	require.ErrorContains(t, try("-monitor-token-file", token), "holds no secret")
	write("short\n")
	require.ErrorContains(t, try("-monitor-token-file", token), "too short")

	write("0123456789abcdef\n")
	p := launch(t, "-monitor-token-file", token)
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))
	require.NoError(t, err)
	require.NotContains(t, string(b), "0123456789abcdef")
	kick := func(token string) int {
		r, err := http.NewRequest(http.MethodPost, "http://"+p.monitor+"/sessions/none/kick", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		answer.Body.Close()
		return answer.StatusCode
	}
	require.NotEqual(t, kick("fedcba9876543210"), kick("0123456789abcdef"), "the token is one")
}
