//go:build unix

package clients_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/paradiseftp/paradise"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMatrix runs every client in every cell.
func TestMatrix(t *testing.T) {
	before := takeCensus()
	results := struct {
		sync.Mutex
		tables map[string]string
	}{tables: map[string]string{}}
	t.Run("clients", func(t *testing.T) {
		sites := allSites(t)
		for _, c := range allClients() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.need(t)
				got := c.runCells(t, sites)
				results.Lock()
				defer results.Unlock()
				results.tables[c.name] = table(c.name, got) + c.limitsText()
			})
		}
	})
	before.compare(t)
	for _, c := range allClients() {
		t.Logf("\n%s", results.tables[c.name])
	}
}

func allSites(t testing.TB) map[tlsMode]*site { return newSites(t, allTLS, nil) }

// newSites serves one folder per way of using TLS.
func newSites(t testing.TB, modes []tlsMode, change func(*paradise.Server)) map[tlsMode]*site {
	ca := newAuthority(t)
	sites := map[tlsMode]*site{}
	for _, mode := range modes {
		sites[mode] = newSite(t, ca, mode, change)
	}
	return sites
}

// limitsText explains the n/a cells.
func (c *client) limitsText() string {
	var b strings.Builder
	for _, l := range c.limits {
		fmt.Fprintf(&b, "  n/a: %s\n", l.why)
	}
	return b.String()
}

// runCells runs the row of one client.
func (c *client) runCells(t *testing.T, sites map[tlsMode]*site) map[cell]outcome {
	got := map[cell]outcome{}
	transfer := c.open(t)
	for _, at := range allCells() {
		if at.nameless() || c.limited(at) {
			got[at] = impossible
			continue
		}
		got[at] = failed
		t.Run(at.String(), func(t *testing.T) {
			data := binaryFiles()
			if at.ascii {
				data = textFiles()
			}
			c.runCell(t, sites[at.tls], transfer, at, newFileSet(t, c.without(at, data)))
			got[at] = passed
		})
	}
	return got
}

// runCell uploads and downloads a set of files, and compares everything with the originals.
func (c *client) runCell(t *testing.T, s *site, transfer transferer, at cell, files *fileSet) {
	v := s.visit(t, c, at, files)
	s.seen.reset(c.name)
	names, err := transfer(v)
	seen := s.seen.seen(c.name)
	explain := seen.String()
	require.NoError(t, err, explain)
	assert.Empty(t, seen.mismatch(at), explain)
	for _, name := range files.names {
		want := c.text(at, files.data[name])
		check(t, s.path(path.Join(v.remote, name)), want, explain)
		if at.ascii && c.crlf {
			want = bytes.ReplaceAll(want, []byte("\n"), []byte("\r\n"))
		}
		check(t, v.fetched(name), want, explain)
	}
	if names != nil {
		slices.Sort(names)
		assert.Equal(t, files.names, names, "the listing as the client read it; "+explain)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// visit prepares a run: it creates a new folder on the server. For a client that cannot
// upload, it puts the files there.
func (s *site) visit(t testing.TB, c *client, at cell, files *fileSet) *visit {
	remote := "/" + c.name + "/" + strings.NewReplacer("/", "-", " ", "").Replace(at.String()) + files.tag
	require.NoError(t, os.MkdirAll(s.path(remote), 0o777))
	if c.noPut {
		require.NoError(t, os.CopyFS(s.path(remote), os.DirFS(files.folder)))
	}
	return &visit{
		t: t, site: s, cell: at, host: at.ip.host(), port: s.ports[at.ip], user: c.name, ca: s.ca,
		home: t.TempDir(), up: files.folder, down: t.TempDir(), remote: remote, names: files.names,
	}
}

// fileSet is a folder of files to send.
type fileSet struct {
	folder string
	names  []string // sorted
	tag    string
	data   map[string][]byte
}

func newFileSet(t testing.TB, data map[string][]byte) *fileSet {
	f := &fileSet{folder: t.TempDir(), data: data}
	for name, content := range data {
		f.names = append(f.names, name)
		require.NoError(t, os.WriteFile(filepath.Join(f.folder, name), content, 0o600))
	}
	slices.Sort(f.names)
	return f
}

// text returns a file as a client receives it in ASCII.
func (c *client) text(at cell, data []byte) []byte {
	if at.ascii && c.endsLines && len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		return append(bytes.Clone(data), '\n')
	}
	return data
}

// check compares by digest, because nobody can read a difference of megabytes.
func check(t testing.TB, file string, want []byte, explain string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if !assert.NoError(t, err, explain) {
		return
	}
	assert.Equal(t, digest(want), digest(got), "%s has %d bytes, not %d; %s", file, len(got), len(want), explain)
}

func digest(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

// noise returns content that every compression or conversion would change. The same seed
// gives the same content.
func noise(seed uint64, n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed)})
	p := make([]byte, n)
	r.Read(p)
	return p
}

func binaryFiles() map[string][]byte {
	return map[string][]byte{
		"data.bin":  noise(1, 3000),
		"empty.bin": {},
		"one.bin":   {'\n'},
	}
}

func textFiles() map[string][]byte {
	return map[string][]byte{
		"empty.txt": {},
		"lines.txt": []byte(strings.Repeat("a line of text, with ümlaut\n\n\ttabbed\n", 200)),
		"noend.txt": []byte("one\ntwo\nthree without an end"),
	}
}
