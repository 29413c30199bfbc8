package osfs_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

func TestContract(t *testing.T) {
	const why = "ExclusiveWriters refuses the second writer of a name"
	oneWriter := map[string]string{
		"abort-after-failed-commit": why,
		"append-at-commit":          why,
		"two-uploads-one-name":      why,
		"one-name-many-writers":     why,
		"append-exclusive":          why,
		"one-order":                 "ExclusiveWriters calls a name taken that is only being written",
	}
	for name, c := range map[string]struct {
		o     osfs.Options
		named bool
		skip  map[string]string
	}{
		"default":           {},
		"named temporaries": {named: true},
		"durable":           {o: osfs.Options{Durable: true}},
		"exclusive writers": {o: osfs.Options{ExclusiveWriters: true}, skip: oneWriter},
	} {
		t.Run(name, func(t *testing.T) {
			paradisetest.TestFileDriver(t, paradisetest.DriverOptions{
				Skip: c.skip,
				New: func(tb testing.TB) paradise.FileDriver {
					d, err := osfs.Open(tb.TempDir(), c.o)
					require.NoError(tb, err)
					if c.named {
						osfs.UseNamed(d)
					}
					return closed(tb, d, err)
				},
			})
		})
	}
}

func TestContractOfHomes(t *testing.T) {
	paradisetest.TestFileDriver(t, paradisetest.DriverOptions{New: func(tb testing.TB) paradise.FileDriver {
		h, err := osfs.OpenHomes(tb.TempDir(), osfs.HomesOptions{})
		return closed(tb, h, err)
	}})
}

// closed closes a driver at the end of a test.
func closed[D interface {
	paradise.FileDriver
	io.Closer
}](tb testing.TB, d D, err error) paradise.FileDriver {
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, d.Close()) })
	return d
}
