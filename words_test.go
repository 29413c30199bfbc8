package paradise_test

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// What clients look for in the text of replies.
var (
	jdkSize    = regexp.MustCompile(`150 Opening .*\((\d+) bytes\).`)   // sun.net.ftp.impl.FtpClient
	dotnetSize = regexp.MustCompile(`^150 .*\((\d+) bytes\)\.$`)        // FtpWebRequest: from the last "(" to the last " bytes)."
	pythonSize = regexp.MustCompile(`(?i)^150 .* \((\d+) bytes\)`)      // ftplib.parse150
	curlSize   = regexp.MustCompile(`\((\d+) bytes`)                    // and wget
	pasvText   = regexp.MustCompile(`^227 .*?\((\d+,){5}\d+\)`)         // all; some look for digits alone, the first ones
	firstDigit = regexp.MustCompile(`^227 \D*(\d{1,3},){5}\d{1,3}\D*$`) // curl, Python, Mono: no digit before, none behind
	epsvText   = regexp.MustCompile(`^229 [^|(]*\(\|\|\|(\d+)\|\)$`)    // all
	quotedName = regexp.MustCompile(`^257 "(?:[^"]|"")*"(?: |$)`)       // all: the quote stands first
	sizeText   = regexp.MustCompile(`^213 \d+$`)                        // all
	timeText   = regexp.MustCompile(`^213 \d{14}$`)                     // all
	stouText   = regexp.MustCompile(`^150 FILE: (\S+)$`)                // RFC 1123, 4.1.2.9; Net::FTP
	unixText   = regexp.MustCompile(`^215 UNIX Type: L8$`)              // commons-net, FluentFTP, ncftp choose their parser by it
	restText   = regexp.MustCompile(`^350 Restarting at (\d+)`)         // lftp
	sizeParser = []*regexp.Regexp{jdkSize, dotnetSize, pythonSize, curlSize}
)

// words is a session with a file of twelve bytes on a disk.
func words(t *testing.T, change func(*paradise.Server)) *paradisetest.Client {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("hello\nworld\n"), 0o600))
	files, err := osfs.Open(dir, osfs.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { files.Close() })
	srv := &paradise.Server{Files: files}
	if change != nil {
		change(srv)
	}
	c := paradisetest.NewServer(t, srv).Dial()
	c.Login()
	return c
}

func TestThe150OfADownloadTellsClientsTheBytesThatGoOut(t *testing.T) {
	raw := func(srv *paradise.Server) { srv.Policy.RawASCII = true }
	for _, tc := range []struct {
		name   string
		change func(*paradise.Server)
		before []string
		text   string
		size   string
	}{
		{"no TYPE", nil, nil, "150 Opening BINARY mode data connection (12 bytes).", "12"},
		{"binary", nil, []string{"TYPE I"}, "150 Opening BINARY mode data connection (12 bytes).", "12"},
		{"text", nil, []string{"TYPE A"}, "150 Opening ASCII mode data connection.", ""},
		{"text as it is", raw, []string{"TYPE A"}, "150 Opening ASCII mode data connection (12 bytes).", "12"},
		{"the rest", nil, []string{"TYPE I", "REST 5"}, "150 Opening BINARY mode data connection (7 bytes).", "7"},
		{"all but nothing", nil, []string{"TYPE I", "REST 12"}, "150 Opening BINARY mode data connection (0 bytes).", "0"},
		{"a range", nil, []string{"TYPE I", "RANG 2 4"}, "150 Opening BINARY mode data connection (3 bytes).", "3"},
		{"a range beyond the end", nil, []string{"TYPE I", "RANG 10 99"}, "150 Opening BINARY mode data connection (2 bytes).", "2"},
		{"deflated", nil, []string{"TYPE I", "MODE Z"}, "150 Opening BINARY mode data connection.", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := words(t, tc.change)
			for _, line := range tc.before {
				require.Less(t, c.Cmd("%s", line).Code, 400, line)
			}
			d := c.Data(c.EPSV())
			text := c.Expect(150, "RETR a.txt").String()
			require.Equal(t, tc.text, text)
			for _, parser := range sizeParser {
				m := parser.FindStringSubmatch(text)
				if tc.size == "" {
					require.Nil(t, m, "%s takes a number that does not hold", parser)
					continue
				}
				require.NotNil(t, m, "%s", parser)
				require.Equal(t, tc.size, m[1])
			}
			got, err := io.ReadAll(d)
			require.NoError(t, err)
			require.Equal(t, 226, c.Reply().Code)
			if tc.size != "" {
				require.Len(t, got, map[string]int{"12": 12, "7": 7, "0": 0, "3": 3, "2": 2}[tc.size])
			}
		})
	}
}

func TestWordsThatClientsParse(t *testing.T) {
	c := words(t, nil)
	require.Regexp(t, unixText, c.Cmd("SYST").String())
	require.Regexp(t, quotedName, c.Cmd("PWD").String())
	require.Regexp(t, quotedName, c.Cmd(`MKD a "b" (1 bytes)`).String())
	require.Equal(t, 250, c.Cmd(`CWD a "b" (1 bytes)`).Code)
	require.Equal(t, `257 "/a ""b"" (1 bytes)" is the current directory`, c.Cmd("PWD").String())
	require.Regexp(t, sizeText, c.Cmd("SIZE /a.txt").String())
	require.Regexp(t, timeText, c.Cmd("MDTM /a.txt").String())
	require.Regexp(t, restText, c.Cmd("REST 0").String())
	pasv := c.Cmd("PASV").String()
	require.Regexp(t, pasvText, pasv)
	require.Regexp(t, firstDigit, pasv)
	require.Regexp(t, epsvText, c.Cmd("EPSV").String())

	for command, text := range map[string]string{
		"LIST":       "150 Opening ASCII mode data connection for file list",
		"NLST":       "150 Opening ASCII mode data connection for file list",
		"MLSD":       "150 Opening ASCII mode data connection for file list",
		"STOR f.txt": "150 Data transfer starting",
		"APPE f.txt": "150 Data transfer starting",
	} {
		d := c.Data(c.EPSV())
		require.Equal(t, text, c.Expect(150, "%s", command).String())
		if command[0] == 'S' || command[0] == 'A' {
			require.NoError(t, d.Close())
		} else {
			io.Copy(io.Discard, d)
		}
		require.Equal(t, 226, c.Reply().Code)
	}
	d := c.Data(c.EPSV())
	require.Regexp(t, stouText, c.Expect(150, "STOU").String())
	require.NoError(t, d.Close())
	require.Equal(t, 226, c.Reply().Code)
}
