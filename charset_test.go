package paradise_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/paradiseftp/paradise"
)

func TestLegacyNamesGoBackToTheClientByteForByte(t *testing.T) {
	for _, tc := range []struct {
		charset encoding.Encoding
		name    string // as the storage has it
	}{
		{simplifiedchinese.GBK, "报告.txt"},
		{japanese.ShiftJIS, "表能ソ.txt"}, // second bytes that are backslashes
		{charmap.ISO8859_1, "Übergröße.txt"},
		{charmap.Windows1251, "яблоко.txt"}, // with 0xFF, which Telnet doubles
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) { srv.Policy.Charset = tc.charset }, func(w *world) {
				legacy, err := tc.charset.NewEncoder().String(tc.name)
				require.NoError(t, err)
				c := w.login()
				d := c.begin("STOR %s", doubled(legacy))
				io.WriteString(d, "x")
				d.Close()
				c.expect(226)
				require.Equal(t, "x", w.content("/"+tc.name))

				d = c.begin("NLST")
				list, err := io.ReadAll(d)
				require.NoError(t, err)
				d.Close()
				c.expect(226)
				require.Equal(t, legacy+"\r\n", string(list))

				require.Contains(t, c.cmd(250, "MLST %s", doubled(legacy)), doubled(legacy))
				c.cmd(250, "DELE %s", doubled(legacy))
				c.quit()
			})
		})
	}
}

// doubled is how 0xFF travels on a control connection.
func doubled(s string) string {
	var b []byte
	for i := range len(s) {
		if b = append(b, s[i]); s[i] == 0xFF {
			b = append(b, 0xFF)
		}
	}
	return string(b)
}

func TestAClientThatSaysUTF8OrSendsItGetsIt(t *testing.T) {
	for _, before := range []string{"OPTS UTF8 ON", "opts utf8 on", "CWD /"} {
		inMemory(t, func(srv *paradise.Server) { srv.Policy.Charset = simplifiedchinese.GBK }, func(w *world) {
			w.files.Put("/报告.txt", nil)
			c := w.login()
			c.send("%s", before)
			c.r.ReadString('\n')
			c.cmd(213, "SIZE 报告.txt")
			d := c.begin("NLST")
			list, _ := io.ReadAll(d)
			d.Close()
			c.expect(226)
			require.Equal(t, "报告.txt\r\n", string(list))
			c.quit()
		})
	}
}

func TestOptsUTF8OffGoesBackToTheCharset(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.Charset = charmap.ISO8859_1 }, func(w *world) {
		w.files.Put("/ä", nil)
		c := w.login()
		c.cmd(200, "OPTS UTF8 ON")
		c.cmd(213, "SIZE ä")
		c.cmd(200, "OPTS UTF8 OFF")
		c.cmd(213, "SIZE \xe4")
		c.quit()
	})
}

func TestWithoutACharsetNamesAreBytes(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR \xe4\xf6.txt")
		d.Close()
		c.expect(226)
		w.content("/\xe4\xf6.txt")
		d = c.begin("NLST")
		list, _ := io.ReadAll(d)
		d.Close()
		c.expect(226)
		require.Equal(t, "\xe4\xf6.txt\r\n", string(list))
		c.quit()
	})
}
