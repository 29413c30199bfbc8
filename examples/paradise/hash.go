package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/tg123/go-htpasswd"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/paradiseftp/paradise/internal/turns"
)

// hash is the stored form of a password.
type hash struct {
	kind string
	text string
	fits func(password string) bool
}

// UnmarshalText reads a hash in the form that htpasswd or hash-password prints.
func (h *hash) UnmarshalText(text []byte) error {
	parsed, err := parseHash(string(text))
	if err == nil {
		*h = *parsed
	}
	return err
}

// errHash does not show the text, which may be a password.
var errHash = errors.New("is no password hash that is understood: use what \"paradise hash-password\" or \"htpasswd -B\" prints")

func parseHash(text string) (*hash, error) {
	kind, _, _ := strings.Cut(strings.TrimPrefix(text, "$"), "$")
	switch {
	case strings.HasPrefix(text, "$2"):
		if _, err := bcrypt.Cost([]byte(text)); err != nil || len(text) != 60 {
			return nil, errHash
		}
		return fromHtpasswd("bcrypt", text, htpasswd.AcceptBcrypt)
	case kind == "argon2id":
		return parseArgon2id(text)
	case kind == "5", kind == "6":
		if !wellFormedCrypt(text) {
			return nil, errHash
		}
		return fromHtpasswd("crypt-"+kind, text, htpasswd.AcceptCryptSha)
	case kind == "apr1", kind == "1":
		if parts := strings.Split(text, "$"); len(parts) != 4 || len(parts[3]) != 22 {
			return nil, errHash
		}
		return fromHtpasswd("md5", text, htpasswd.AcceptMd5)
	case strings.HasPrefix(text, "{SSHA}"):
		return fromHtpasswd("ssha", text, htpasswd.AcceptSsha)
	case strings.HasPrefix(text, "{SHA}"):
		return fromHtpasswd("sha", text, htpasswd.AcceptSha)
	}
	return nil, errHash
}

// wellFormedCrypt reports whether text has the form "$6$[rounds=N$]salt$hash". The package
// that verifies such hashes accepts malformed ones and panics later.
func wellFormedCrypt(text string) bool {
	parts := strings.Split(text, "$")
	if len(parts) == 5 && !strings.HasPrefix(parts[3-1], "rounds=") {
		return false
	}
	size := map[string]int{"5": 43, "6": 86}[parts[1]]
	return (len(parts) == 4 || len(parts) == 5) && len(parts[len(parts)-1]) == size && len(parts[len(parts)-2]) <= 16
}

func fromHtpasswd(kind, text string, accept htpasswd.PasswdParser) (*hash, error) {
	p, err := accept(text)
	if err != nil || p == nil {
		return nil, errHash
	}
	h := &hash{kind: kind, text: text, fits: p.MatchesPassword}
	if !h.verifies() {
		return nil, fmt.Errorf("is a password hash (%s) that this process may not verify (FIPS 140): make it anew with \"paradise hash-password\"", kind)
	}
	return h, nil
}

// verifies reports whether this process can verify a hash. It tries those kinds that panic
// if FIPS 140 is enforced. The others are slow, and do not use the standard library.
func (h *hash) verifies() (ok bool) {
	if !slices.Contains([]string{"md5", "sha", "ssha"}, h.kind) {
		return true
	}
	defer func() { ok = recover() == nil }()
	h.fits("")
	return true
}

// plainHash returns a hash of a password in plain text, for -user.
func plainHash(password string) *hash {
	want := sha256.Sum256([]byte(password))
	return &hash{kind: "plain", fits: func(given string) bool {
		got := sha256.Sum256([]byte(given))
		return subtle.ConstantTimeCompare(want[:], got[:]) == 1
	}}
}

// These bound the memory and the time that a hash may cost.
const (
	argon2MaxMemory = 1 << 20 // KiB
	argon2MaxTime   = 64      // passes
)

// argon2id holds the parameters of one hash.
type argon2id struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func parseArgon2id(text string) (*hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return nil, errHash
	}
	var a argon2id
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &a.memory, &a.time, &a.threads); n != 3 || err != nil {
		return nil, errHash
	}
	var err1, err2 error
	a.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	a.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(a.salt) < 8 || len(a.key) < 16 || a.threads == 0 ||
		a.time == 0 || a.time > argon2MaxTime || a.memory < 8 || a.memory > argon2MaxMemory {
		return nil, errHash
	}
	return &hash{kind: "argon2id", text: text, fits: a.fits}, nil
}

func (a *argon2id) fits(password string) bool {
	got := argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, uint32(len(a.key)))
	return subtle.ConstantTimeCompare(got, a.key) == 1
}

// newArgon2id hashes a password with the parameters that OWASP recommends: 19 MiB and two
// passes.
func newArgon2id(password string) (string, error) {
	a := argon2id{memory: 19 << 10, time: 2, threads: 1, salt: make([]byte, 16)}
	if _, err := rand.Read(a.salt); err != nil {
		return "", err
	}
	key := argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, 32)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", a.memory, a.time, a.threads,
		enc.EncodeToString(a.salt), enc.EncodeToString(key)), nil
}

// hashing bounds how many passwords are hashed at once, because strangers choose when that
// happens. Addresses take turns. If there are two or more processors, no address gets all
// of them.
type hashing struct{ places *turns.Places }

func newHashing(processors int) *hashing {
	return &hashing{places: turns.New(processors, max(1, processors-1))}
}

// verify compares a password that came from an address with a hash. A nil hash fits no
// password.
func (h *hashing) verify(ctx context.Context, from netip.Addr, want *hash, password string) (bool, error) {
	if want == nil {
		return false, nil
	}
	if err := h.places.Take(ctx, from); err != nil {
		return false, err
	}
	defer h.places.Give(from)
	return want.fits(password), nil
}

// commonHash returns a hash of the most frequent kind, or nil. It is verified for unknown
// names, so that they take as long as most known ones.
func commonHash(accounts map[string]*account) *hash {
	count := make(map[string]int)
	var common *hash
	for _, name := range sortedKeys(accounts) {
		h := accounts[name].Password
		count[h.kind]++
		if common == nil || count[h.kind] > count[common.kind] {
			common = h
		}
	}
	return common
}

// readHtpasswd reads a file in the format of htpasswd. An empty name means no users.
func readHtpasswd(name string) (map[string]*hash, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	users := make(map[string]*hash)
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(strings.TrimPrefix(lines.Text(), byteOrderMark))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		user, hashed, ok := strings.Cut(text, ":")
		if !ok || user == "" {
			return nil, fmt.Errorf("%s: line %d: want name:hash", name, n)
		}
		if users[user] != nil {
			return nil, fmt.Errorf("%s: line %d: %q is there already: keep one of the lines", name, n, user)
		}
		h, err := parseHash(hashed)
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, n, err)
		}
		users[user] = h
	}
	if lines.Err() == nil && len(users) == 0 {
		return nil, fmt.Errorf("%s names nobody, as if it had been emptied or cut: write an account to it with htpasswd -B, or leave -htpasswd out", name)
	}
	return users, lines.Err()
}

// hashPassword is the subcommand that reads a password from standard input and prints its
// hash.
func hashPassword(args []string, in io.Reader, out, errs io.Writer) error {
	fs := newFlagSet("hash-password")
	useBcrypt := fs.Bool("bcrypt", false, "print a bcrypt hash, which htpasswd and web servers understand too")
	useArgon := fs.Bool("argon2id", false, "print an argon2id hash; the default")
	const usage = "paradise hash-password [-bcrypt | -argon2id] <file-with-password"
	if err := parseCommand(fs, args, errs, fs.Name()+" [flags]"); err != nil {
		return err
	}
	if *useBcrypt && *useArgon {
		return errors.New("usage: " + usage)
	}
	password, err := readPassword(in, errs)
	if err != nil {
		return err
	}
	text, err := newArgon2id(password)
	if *useBcrypt {
		var b []byte
		b, err = bcrypt.GenerateFromPassword([]byte(password), 12)
		text = string(b)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, text)
	return err
}
