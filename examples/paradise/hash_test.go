package main

import (
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

func TestHashesThatHashPasswordPrintsFit(t *testing.T) {
	for _, args := range [][]string{nil, {"-argon2id"}, {"-bcrypt"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			var out strings.Builder
			require.NoError(t, hashPassword(args, strings.NewReader("correct horse\n"), &out, io.Discard))
			h, err := parseHash(strings.TrimSpace(out.String()))
			require.NoError(t, err)
			assert.True(t, h.fits("correct horse"))
			assert.False(t, h.fits("correct horse "))
		})
	}
}

func TestHashPasswordNeedsAPasswordAndOneKind(t *testing.T) {
	assert.Error(t, hashPassword(nil, strings.NewReader("\n"), io.Discard, io.Discard))
	assert.Error(t, hashPassword([]string{"-bcrypt", "-argon2id"}, strings.NewReader("x\n"), io.Discard, io.Discard))
}

func TestHashesFromElsewhereFit(t *testing.T) {
	for _, c := range []struct{ kind, hash, password string }{
		{"sha", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"},
		// From the argon2 reference implementation's own tests.
		{"argon2id", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
		// From openssl passwd.
		{"crypt-5", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
		{"crypt-6", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
			"Hello world!"},
		{"crypt-5", "$5$rounds=10000$saltstringsaltst$3xv.VbSCBX41eDL9L3voiZxcFlh.pXpgRJLUfHx.0OA", "not this"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			h, err := parseHash(c.hash)
			require.NoError(t, err)
			assert.Equal(t, c.kind, h.kind)
			assert.Equal(t, c.password != "not this", h.fits(c.password))
			assert.False(t, h.fits(c.password+"x"))
		})
	}
}

func TestWhatIsNoHashIsRefused(t *testing.T) {
	for _, text := range []string{"", "secret", "$2y$", "$2y$99$", "$5$", "$6$salt$short", "$6$a$b$c$d$e",
		"$argon2id$", "{SHA}x",
		"$argon2id$v=19$m=999999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=2,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$2y$31$short", "$1$", "$apr1$", "{SSHA}"} {
		h, err := parseHash(text)
		assert.ErrorIs(t, err, errHash, "%q gave %v", text, h)
	}
}

func TestHashesThatHtpasswdWritesFit(t *testing.T) {
	needs.Program(t, "htpasswd", "apache2-utils")
	for _, flag := range []string{"-B", "-m", "-s", "-2", "-5"} {
		t.Run(flag, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "htpasswd")
			out, err := exec.Command("htpasswd", "-b", "-c", flag, name, "alice", "correct horse").CombinedOutput()
			require.NoError(t, err, "%s", out)
			users, err := readHtpasswd(name)
			require.NoError(t, err)
			require.Contains(t, users, "alice")
			assert.True(t, users["alice"].fits("correct horse"))
			assert.False(t, users["alice"].fits("wrong"))
		})
	}
}

func TestHtpasswdTakesOurBcrypt(t *testing.T) {
	needs.Program(t, "htpasswd", "apache2-utils")
	var out strings.Builder
	require.NoError(t, hashPassword([]string{"-bcrypt"}, strings.NewReader("correct horse"), &out, io.Discard))
	name := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(name, []byte("alice:"+out.String()), 0o600))
	require.NoError(t, exec.Command("htpasswd", "-v", "-b", name, "alice", "correct horse").Run())
	require.Error(t, exec.Command("htpasswd", "-v", "-b", name, "alice", "wrong").Run())
}

func TestErrorsInAnHtpasswdFileNameTheLine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(name, []byte("# ours\nalice:"+bcryptOfSecret+"\nbob:topsecret\n"), 0o600))
	_, err := readHtpasswd(name)
	require.ErrorContains(t, err, "line 3")
	assert.NotContains(t, err.Error(), "topsecret")
}

// counted replaces the hashes of a directory with hashes that count.
func counted(d *directory) *int {
	n := new(int)
	for _, a := range d.accounts {
		fits := a.Password.fits
		a.Password.fits = func(p string) bool { *n++; return fits(p) }
	}
	return n
}

func TestAnUnknownUserCostsAHashOfTheUsualKind(t *testing.T) {
	cfg, err := inFile(t, "root = \""+filepath.ToSlash(t.TempDir())+"\"\n"+fullAccount, "-user", "plain:x")
	require.NoError(t, err)
	cfg.accounts["bob"] = &account{Password: cfg.accounts["alice"].Password}
	files := newHomes(cfg)
	defer files.Close()
	d, err := newDirectory(cfg, files, paradise.Policy{})
	require.NoError(t, err)
	assert.Equal(t, "bcrypt", d.dummy.kind)
	n := counted(d)
	_, err = d.authenticate(context.Background(), &paradise.Session{},
		paradise.Credentials{User: "nobody", Password: "secret", HasPassword: true})
	require.ErrorIs(t, err, paradise.ErrBadCredentials, "the dummy's own password opens nothing")
	assert.Positive(t, *n)
}

func TestHashingIsBounded(t *testing.T) {
	h := newHashing(2)
	for _, from := range []string{"192.0.2.1", "192.0.2.2"} {
		require.NoError(t, h.places.Take(t.Context(), netip.MustParseAddr(from)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.verify(ctx, netip.MustParseAddr("192.0.2.3"), plainHash("x"), "x")
	require.ErrorIs(t, err, context.Canceled)
}

func TestHashingIsSharedAmongAddresses(t *testing.T) {
	guesser, good := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	// A good user waits for at most this many hashes: the running one, and one turn.
	for processors, before := range map[int]int{1: 2, 2: 0} {
		synctest.Test(t, func(t *testing.T) {
			h := newHashing(processors)
			var guesses atomic.Int64
			slow := &hash{fits: func(string) bool { time.Sleep(time.Second); guesses.Add(1); return false }}
			for range 100 {
				go h.verify(t.Context(), guesser, slow, "guess")
			}
			synctest.Wait()
			right, err := h.verify(t.Context(), good, plainHash("secret"), "secret")
			require.NoError(t, err)
			require.True(t, right)
			require.EqualValues(t, before, guesses.Load(), "%d processors", processors)
			time.Sleep(time.Hour)
			require.EqualValues(t, 100, guesses.Load())
		})
	}
}
