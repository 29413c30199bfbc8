package paradise_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamesOfNLSTAreRelativeToItsArgument(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		w.files.Put("/d/f", []byte("x"))
		w.files.Put("/d/.hidden/f", []byte("x"))
		for arg, want := range map[string]string{
			".hidden": ".hidden/f", ".hidden/": ".hidden/f", "../d/.hidden/": "../d/.hidden/f", "/d/.hidden": "/d/.hidden/f",
			"f": "f", "./f": "./f", "../d/f": "../d/f", "f*": "f", ".hidden/*": ".hidden/f",
		} {
			c := w.login()
			c.cmd(250, "CWD /d")
			d := c.begin("NLST %s", arg)
			got, err := io.ReadAll(d)
			require.NoError(t, err)
			d.Close()
			c.expect(226)
			require.Equal(t, want+"\r\n", string(got), fmt.Sprintf("NLST %s", arg))
			c.quit()
		}
	})
}

func TestLISTOfAPatternShowsWhatMatchesWithOptionDToo(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		w.files.Put("/a.txt", []byte("x"))
		w.files.Put("/b.bin", []byte("x"))
		c := w.login()
		d := c.begin("LIST -d *.txt")
		got, err := io.ReadAll(d)
		require.NoError(t, err)
		d.Close()
		c.expect(226)
		require.Equal(t, 1, strings.Count(string(got), "\r\n"))
		require.Contains(t, string(got), " a.txt\r\n")
		c.quit()
	})
}
