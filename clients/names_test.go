//go:build unix

package clients_test

import (
	"testing"

	"github.com/paradiseftp/paradise"
	"github.com/stretchr/testify/require"
)

// oddNames are legal names that people use, and each of them breaks the quoting of some
// client.
func oddNames() map[string][]byte {
	data := map[string][]byte{}
	for i, name := range []string{
		"with two  spaces.bin", " leading space", "trailing space ", `quo"te'd.bin`, "100%41%.bin",
		"#hash;semi.bin", "-dash.bin",
		"grüße 日本.bin", "[brackets]{}.bin", "star*question?.bin", `back\slash.bin`, "~tilde$HOME.bin", "a&b|c.bin", ".hidden",
		"plus+at@.bin",
	} {
		data[name] = noise(uint64(i), 100+i)
	}
	return data
}

// first returns the simplest cell in which a client uses this kind of encryption.
func (c *client) first(mode tlsMode) (cell, bool) {
	for _, at := range allCells() {
		if at.tls == mode && !at.nameless() && !c.limited(at) {
			return at, true
		}
	}
	return cell{}, false
}

// eachWay runs a test with every client and every kind of encryption out of these that the
// client supports, on servers that change has prepared.
func eachWay(t *testing.T, modes []tlsMode, change func(*paradise.Server),
	test func(t *testing.T, c *client, s *site, transfer transferer, at cell)) {
	before := takeCensus()
	t.Run("clients", func(t *testing.T) {
		sites := newSites(t, modes, change)
		for _, c := range allClients() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.need(t)
				transfer := c.open(t)
				for _, mode := range modes {
					at, ok := c.first(mode)
					if !ok {
						continue
					}
					t.Run(string(mode), func(t *testing.T) { test(t, c, sites[mode], transfer, at) })
				}
			})
		}
	})
	before.compare(t)
}

// Names stay unchanged in uploads, downloads and listings, whatever characters they contain.
func TestOddNames(t *testing.T) {
	eachWay(t, []tlsMode{plain, tls13}, nil, func(t *testing.T, c *client, s *site, transfer transferer, at cell) {
		data := c.without(at, oddNames())
		require.NotEmpty(t, data)
		c.runCell(t, s, transfer, at, newFileSet(t, data))
	})
}

// A file that is larger than many buffers arrives whole, in both directions.
func TestLargeFile(t *testing.T) {
	eachWay(t, allTLS, nil, func(t *testing.T, c *client, s *site, transfer transferer, at cell) {
		c.runCell(t, s, transfer, at, newFileSet(t, map[string][]byte{"large.bin": noise(7, 5<<20)}))
	})
}
