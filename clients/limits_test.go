//go:build unix

package clients_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// proof shows that a client has a limit. It fails once the client has lost the limit.
type proof func(t *testing.T, c *client, sites map[tlsMode]*site)

// TestLimits proves every n/a of the matrix.
func TestLimits(t *testing.T) {
	// Clients that connect to implicit TLS in the clear wait for the greeting.
	sites := newSites(t, allTLS, func(srv *paradise.Server) { srv.Timeouts.Handshake = time.Second })
	for _, c := range allClients() {
		for _, l := range c.limits {
			t.Run(c.name+": "+l.why, func(t *testing.T) {
				c.need(t)
				if !slices.ContainsFunc(allCells(), l.covers) {
					t.Skip("this version has no such limit")
				}
				l.proof(t, c, sites)
			})
		}
	}
}

// Sets of cells.
func anyCell(cell) bool { return true }
func notBy(mode dataMode) func(cell) bool {
	return func(c cell) bool { return c.mode != mode }
}
func tls13Only(c cell) bool    { return c.tls == tls13 }
func onIPv6(c cell) bool       { return c.ip == ipv6 }
func implicitOnly(c cell) bool { return c.tls == implicit }
func needsTLS(c cell) bool     { return c.tls != plain }
func needsActive(c cell) bool  { return c.mode.active() }
func needsASCII(c cell) bool   { return c.ascii }
func extended(c cell) bool     { return c.mode == epsv || c.mode == eprt }
func eprtOnIPv4(c cell) bool   { return c.mode == eprt && c.ip == ipv4 }
func extendedOnIPv4(c cell) bool {
	return extended(c) && c.ip == ipv4
}

// programLacks is a proof by the text of the program: if it does not contain a verb, it
// cannot send that verb.
func programLacks(program, word string) proof {
	return func(t *testing.T, _ *client, _ map[tlsMode]*site) {
		file, err := exec.LookPath(program)
		require.NoError(t, err)
		fileLacks(t, file, word)
	}
}

func fileLacks(t *testing.T, file, word string) {
	file, err := filepath.EvalSymlinks(file)
	require.NoError(t, err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.False(t, bytes.Contains(text, []byte(word)), "%s knows %q: fill its n/a cells", file, word)
}

// helpLacks is a proof by the program's list of options.
func helpLacks(word, program string, args ...string) proof {
	return func(t *testing.T, _ *client, _ map[tlsMode]*site) {
		v := &visit{t: t, home: t.TempDir()}
		help, err := v.run("", program, args...)
		require.NoError(t, err)
		require.NotEmpty(t, help)
		assert.NotContains(t, strings.ToLower(help), word, "fill the n/a cells of %s", program)
	}
}

// fallsShort is a proof by trial: the client, asked for the cell in the best possible way,
// fails or does something else.
func fallsShort(at cell) proof {
	return func(t *testing.T, c *client, sites map[tlsMode]*site) {
		s := sites[at.tls]
		transfer := c.open(t)
		v := s.visit(t, c, at, newFileSet(t, c.without(at, binaryFiles())))
		s.seen.reset(c.name)
		_, err := transfer(v)
		seen := s.seen.seen(c.name)
		assert.True(t, err != nil || seen.mismatch(at) != "", "%s can do %v: fill its n/a cells", c.name, at)
	}
}

// breaks is a proof by trial for a name.
func breaks(name string) proof {
	return func(t *testing.T, c *client, sites map[tlsMode]*site) {
		at, _ := c.first(plain)
		s := sites[plain]
		files := newFileSet(t, map[string][]byte{name: []byte("x")})
		v := s.visit(t, c, at, files)
		names, err := c.open(t)(v)
		assert.False(t, err == nil && slices.Equal(files.names, names), "%s handles %q: drop its limit", c.name, name)
	}
}

// hasAny matches files whose names contain one of these characters.
func hasAny(chars string) func(string, []byte) bool {
	return func(name string, _ []byte) bool { return strings.ContainsAny(name, chars) }
}

// losesEmpty is a proof by trial that the client does not send empty files.
func losesEmpty(t *testing.T, c *client, sites map[tlsMode]*site) {
	at, _ := c.first(plain)
	s := sites[plain]
	v := s.visit(t, c, at, newFileSet(t, map[string][]byte{"empty.bin": {}}))
	put := c.put
	if put == nil {
		put = asPut(c.open(t))
	}
	err := put(v)
	assert.NoFileExists(t, s.remoteFile(v, "empty.bin"), "%s sends empty files: drop its limit; %v", c.name, err)
}

// saysNoType shows what happens to a text that a client sends as ASCII without a TYPE, because
// ASCII is the default of RFC 959. Without a TYPE paradise changes no bytes, so it stores the
// file with the line ends of the network.
func saysNoType(t *testing.T, c *client, sites map[tlsMode]*site) {
	at := cell{mode: pasv, ip: ipv4, tls: plain, ascii: true}
	s := sites[plain]
	v := s.visit(t, c, at, newFileSet(t, map[string][]byte{"lines.txt": []byte("a\nb\n")}))
	s.seen.reset(c.name)
	_, err := c.open(t)(v)
	seen := s.seen.seen(c.name)
	require.NoError(t, err, seen)
	assert.False(t, seen.typed("STOR"), "%s says TYPE: fill its ASCII cells", c.name)
	check(t, s.path(v.remote+"/lines.txt"), []byte("a\r\nb\r\n"), "stored")
	check(t, v.fetched("lines.txt"), []byte("a\nb\n"), "fetched: the client drops the CR itself")
}
