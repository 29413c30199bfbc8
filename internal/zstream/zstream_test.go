package zstream_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/zstream"
)

func deflated(t *testing.T, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zstream.NewWriter(&b, level)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func words(n int) []byte { return []byte(strings.Repeat("paradise ", n)) }

func TestWhatIsDeflatedComesOutAgain(t *testing.T) {
	for level := -3; level <= 12; level++ { // those that do not exist too
		for _, data := range [][]byte{nil, []byte("x"), words(10_000)} {
			z := deflated(t, data, level)
			for name, wire := range map[string]io.Reader{
				"at once": bytes.NewReader(z), "byte by byte": iotest.OneByteReader(bytes.NewReader(z)),
				"the end with the last bytes": iotest.DataErrReader(bytes.NewReader(z)),
			} {
				got, err := io.ReadAll(zstream.NewReader(wire))
				require.NoError(t, err, "level %d, %s", level, name)
				require.Equal(t, string(data), string(got), "level %d, %s", level, name)
			}
		}
	}
}

func TestAWireWithoutAnyByteIsAnEmptyFile(t *testing.T) {
	got, err := io.ReadAll(zstream.NewReader(strings.NewReader("")))
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestAStreamCutAnywhereIsNeverWhole(t *testing.T) {
	z := deflated(t, words(50), zstream.DefaultLevel)
	for n := 1; n < len(z); n++ {
		_, err := io.ReadAll(zstream.NewReader(bytes.NewReader(z[:n])))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d of %d bytes", n, len(z))
		require.NotErrorIs(t, err, zstream.ErrFormat, "%d of %d bytes", n, len(z))
	}
}

// A flipped bit is found, at the latest by the checksum. Some look like a cut.
func TestADamagedStreamIsNeverWhole(t *testing.T) {
	data := words(50)
	z := deflated(t, data, zstream.DefaultLevel)
	for i := range z {
		for bit := range 8 {
			bad := bytes.Clone(z)
			bad[i] ^= 1 << bit
			got, err := io.ReadAll(zstream.NewReader(bytes.NewReader(bad)))
			if err == nil {
				require.Equal(t, string(data), string(got), "byte %d, bit %d", i, bit)
				continue
			}
			known := errors.Is(err, zstream.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, zstream.ErrTrailing)
			require.True(t, known, "byte %d, bit %d: %v", i, bit, err)
		}
	}
	for name, wire := range map[string]string{"text": "no zlib at all", "gzip": "\x1f\x8b\x08\x00", "zeros": strings.Repeat("\x00", 100)} {
		_, err := io.ReadAll(zstream.NewReader(strings.NewReader(wire)))
		assert.ErrorIs(t, err, zstream.ErrFormat, name)
	}
}

func TestBytesBehindTheStreamAreNotDropped(t *testing.T) {
	z := deflated(t, words(50), zstream.DefaultLevel)
	for name, rest := range map[string][]byte{"a byte": {0}, "another stream": z, "beyond the buffer": make([]byte, 64<<10)} {
		got, err := io.ReadAll(zstream.NewReader(bytes.NewReader(append(bytes.Clone(z), rest...))))
		assert.ErrorIs(t, err, zstream.ErrTrailing, name)
		assert.Equal(t, string(words(50)), string(got), name)
	}
}

func TestABombIsNoticedBeforeItIsLarge(t *testing.T) {
	for name, c := range map[string]struct {
		data  []byte
		level int
		want  error
	}{
		"zeros, not many":   {make([]byte, 1<<20), 6, nil},
		"many zeros":        {make([]byte, 11<<20), 6, zstream.ErrRatio},
		"many, as they are": {make([]byte, 11<<20), 0, nil},
	} {
		z := deflated(t, c.data, c.level)
		n, err := io.Copy(io.Discard, zstream.NewReader(bytes.NewReader(z)))
		if c.want == nil {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, c.want, name)
		require.Less(t, n, int64(12<<20), name)
	}
}

func TestErrorsOfTheWirePass(t *testing.T) {
	broken := errors.New("connection broken")
	z := deflated(t, words(50), zstream.DefaultLevel)
	for name, n := range map[string]int{"before it": 0, "in it": len(z) / 2, "behind it": len(z)} {
		wire := io.MultiReader(bytes.NewReader(z[:n]), iotest.ErrReader(broken))
		_, err := io.ReadAll(zstream.NewReader(wire))
		assert.Equal(t, broken, err, name)
	}
}
