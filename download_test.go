package paradise_test

import (
	"compress/zlib"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// overTCP serves a folder of the disk, for what memory cannot show: the kernel
// sends the files.
func overTCP(t *testing.T, change func(*paradise.Server)) (root string, c *paradisetest.Client) {
	t.Helper()
	root = t.TempDir()
	files, err := osfs.Open(root, osfs.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { files.Close() })
	srv := &paradise.Server{
		Auth:   paradise.Accounts{"auser": "secret"},
		Files:  files,
		Logger: slog.New(slog.DiscardHandler),
	}
	change(srv)
	c = paradisetest.NewServer(t, srv).Dial()
	c.Login()
	return root, c
}

func TestAFileThatShrinksWhileItIsSentIs451(t *testing.T) {
	for name, tc := range map[string]struct {
		before []string
		left   int64 // of 1000 bytes
		code   int
	}{
		"sendfile":               {nil, 900, 451},
		"sendfile to nothing":    {nil, 0, 451},
		"sendfile from the REST": {[]string{"REST 500"}, 900, 451},
		"sendfile of a RANG":     {[]string{"RANG 100 799"}, 700, 451},
		"a RANG that is whole":   {[]string{"RANG 100 799"}, 800, 226},
		"text":                   {[]string{"TYPE A"}, 900, 451},
		"deflated":               {[]string{"MODE Z"}, 900, 451},
		"deflated from the REST": {[]string{"MODE Z", "REST 500"}, 400, 451},
		"one that does not":      {nil, 1000, 226},
		"text that does not":     {[]string{"TYPE A"}, 1000, 226},
	} {
		t.Run(name, func(t *testing.T) {
			var file string
			root, c := overTCP(t, func(srv *paradise.Server) {
				srv.Hooks.TransferStart = func(context.Context, paradise.TransferEvent) { os.Truncate(file, tc.left) }
			})
			file = filepath.Join(root, "f")
			require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("123456789\n", 100)), 0o600))
			c.Expect(200, "TYPE I")
			for _, command := range tc.before {
				r := c.Cmd("%s", command)
				require.Less(t, r.Code, 400, r)
			}
			_, r := c.Retrieve("RETR f")
			require.Equal(t, tc.code, r.Code, r)
			c.Expect(221, "QUIT")
		})
	}
}

func TestModeZSendsWholeStreams(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		want := strings.Repeat("paradise ", 50_000)
		w.files.Put("/f", []byte(want))
		c := w.login()
		c.cmd(200, "MODE Z")
		for command, check := range map[string]func(string){
			"RETR f": func(got string) { require.Equal(t, want, got) },
			"LIST":   func(got string) { require.Contains(t, got, " f\r\n") },
		} {
			d := c.begin("%s", command)
			z, err := zlib.NewReader(d)
			require.NoError(t, err)
			b, err := io.ReadAll(z)
			require.NoError(t, err)
			rest, err := io.ReadAll(d)
			require.NoError(t, err)
			require.Empty(t, rest)
			d.Close()
			c.expect(226)
			check(string(b))
		}
		c.quit()
	})
}

func TestAModeZDownloadThatTheClientResetsIs426(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		b := make([]byte, 8<<20)
		for i, x := 0, uint32(1); i < len(b); i++ {
			x = x*1664525 + 1013904223
			b[i] = byte(x >> 24)
		}
		w.files.Put("/f", b)
		c := w.login()
		c.cmd(200, "MODE Z")
		d := c.begin("RETR f")
		io.CopyN(io.Discard, d, 100)
		d.Reset()
		c.expect(426)
		c.quit()
	})
}
