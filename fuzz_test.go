package paradise_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/line"
)

// sessionSeeds are lines of a client that has logged in.
var sessionSeeds = []string{
	"EPSV\r\nSTOR f\r\nSIZE f\r\nEPSV\r\nRETR f\r\nMLST f\r\nHASH f\r\n",
	"EPSV\r\nLIST -la d\r\nPASV\r\nNLST *\r\nEPSV\r\nMLSD d\r\nSTAT d\r\nSTAT\r\n",
	"EPSV\r\nSTOR f\r\nNOOP\r\nSTAT\r\nABOR\r\nPWD\r\nABOR\r\n",
	"EPSV\r\nSTOR f\r\n\xff\xf4\xff\xf2ABOR\r\nREIN\r\nUSER auser\r\nPASS secret\r\n",
	"PORT 198,51,100,7,200,1\r\nRETR d/f\r\nEPRT |1|198.51.100.7|51201|\r\nEPRT |2|::1|5|\r\nLPRT 4,4,1,1,1,1,2,9,9\r\nEPSV ALL\r\nPASV\r\n",
	"TYPE A\r\nEPSV\r\nRETR d/f\r\nREST 3\r\nTYPE I\r\nREST 3\r\nEPSV\r\nSTOR d/f\r\nRANG 1 2\r\nEPSV\r\nRETR d/f\r\n",
	"MODE Z\r\nEPSV\r\nLIST\r\nEPSV\r\nSTOR z\r\nMODE S\r\nSTRU F\r\nALLO 5 R 5\r\nEPSV\r\nSTOU\r\nEPSV\r\nAPPE d/f\r\n",
	"MKD a\r\nCWD a\r\nCDUP\r\nRNFR a\r\nRNTO b\r\nRMD b\r\nDELE d/f\r\nXPWD\r\nRMDA d\r\nRMD -r d\r\n",
	"FEAT\r\nHELP\r\nHELP STOR\r\nHELP SITE x\r\nSITE HELP\r\nSITE CHMOD 644 f\r\nSITE UTIME 20200101000000 d/f\r\nSITE COPY d/f g\r\nSITE CPFR d/f\r\nSITE CPTO h\r\nSITE IDLE 30\r\nSITE WHO\r\nSITE EXPECT MD5 d41d8cd98f00b204e9800998ecf8427e\r\n",
	"MFMT 20200101000000 d/f\r\nMDTM d/f\r\nMFF Modify=20200101000000;UNIX.mode=600; d/f\r\nAVBL\r\nCOMB \"t\" \"d/f\" \"d/f\"\r\nXMD5 \"d/f\" 0 2\r\nXCRC d/f 3\r\n",
	"OPTS UTF8 OFF\r\nOPTS MLST type;\r\nOPTS HASH MD5\r\nOPTS MODE Z LEVEL 9\r\nLANG en\r\nCLNT x\r\nCSID Name=x;\r\nHOST x\r\nPRET STOR x\r\nAUTH TLS\r\nPBSZ 0\r\nPROT P\r\nCCC\r\n",
	"\r\n\r\n \t\r\nBOGUS\r\nuser\r\nPASS\r\nUSER x\r\nPASS y\r\nACCT z\r\nGET / HTTP/1.0\r\n",
	"EPSV\r\nSTOR f\r\n" + strings.Repeat("PWD\r\n", 40) + "EPSV\r\nRETR f\r\n",
	"CWD " + strings.Repeat("x", 5000) + "\r\nNOOP",
}

// FuzzSession says whatever it likes, at one go, and holds the server to what a
// client counts on: one final reply for each command, an end of its own, and
// nothing left behind (inMemory).
func FuzzSession(f *testing.F) {
	for i, seed := range sessionSeeds {
		f.Add(byte(i), []byte(seed))
		f.Add(byte(i)|8, []byte(seed))
		f.Add(byte(i)|16, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, how byte, said []byte) {
		if len(said) > 32<<10 {
			return
		}
		if how&8 == 0 {
			said = append([]byte("USER auser\r\nPASS secret\r\n"), said...)
		}
		said = append(said, "\r\nNOOP\r\nQUIT\r\n"...)
		inMemory(t, func(srv *paradise.Server) {
			srv.Policy.GrantTree = true
			srv.Limits.LoginTries = -1
		}, func(w *world) {
			w.files.Put("/d/f", []byte("line one\r\nline two\n"))
			c := w.dial()
			_, err := c.conn.Write(said)
			require.NoError(t, err)
			if how&16 != 0 { // a client that vanishes: inMemory holds what is left against what was
				c.conn.Reset()
				return
			}
			finals, last := w.replies(c, how)
			c.conn.Close()
			commands, urgent := expectedReplies(said)
			require.Contains(t, []int{221, 421}, last, "the session ends with a word")
			if last == 221 {
				require.GreaterOrEqual(t, finals, commands, "one final reply for each command")
			}
			require.LessOrEqual(t, finals, commands+max(urgent, 1))
		})
	})
}

// expectedReplies counts what must be answered, up to QUIT, and what may be
// answered although it stands behind it: a QUIT waits for a transfer, NOOP and
// STAT do not.
func expectedReplies(said []byte) (commands, urgent int) {
	r := new(line.Reader)
	r.Reset(bytes.NewReader(said))
	for quit := false; ; {
		text, err := r.ReadLine()
		if err != nil && !errors.Is(err, line.ErrTooLong) {
			return commands, urgent
		}
		verb, _, _ := strings.Cut(strings.TrimLeft(string(text), " \t"), " ")
		verb = strings.ToUpper(strings.TrimRight(verb, "\t"))
		switch {
		case verb == "" && err == nil:
		case !quit:
			commands++
			quit = verb == "QUIT"
		case verb == "NOOP" || verb == "STAT":
			urgent++
		}
	}
}

// replies reads to the end of the session, uses each data channel that is
// offered, and returns the number of final replies and the code of the last.
func (w *world) replies(c *client, how byte) (finals, last int) {
	for {
		text, err := c.r.ReadString('\n')
		if err != nil {
			require.Empty(w.t, text, "a reply is cut off")
			return finals, last
		}
		for first := text[:3]; text[3] == '-'; {
			for !strings.HasPrefix(text, first+" ") {
				text, err = c.r.ReadString('\n')
				require.NoError(w.t, err, "a reply of several lines ends")
			}
		}
		code, err := strconv.Atoi(text[:3])
		require.NoError(w.t, err, text)
		require.True(w.t, code >= 100 && code < 600 && text[3] == ' ', text)
		if code >= 200 {
			finals, last = finals+1, code
		}
		if m := epsvPort.FindStringSubmatch(text); m != nil {
			w.use(m[1], how)
		}
	}
}

// use opens a data channel, unless it has gone, and gives or takes what there is.
func (w *world) use(port string, how byte) {
	n, _ := strconv.ParseUint(port, 10, 16)
	if how&1 != 0 {
		return
	}
	conn, err := w.net.Dial(w.t.Context(), netip.AddrPortFrom(clientAddr, 0), netip.AddrPortFrom(serverAddr.Addr(), uint16(n)))
	if err != nil {
		return
	}
	go func() {
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Hour))
		if how&2 != 0 {
			io.WriteString(conn, "data of the client\r\n")
		}
		if how&4 != 0 {
			conn.CloseWrite()
		}
		io.Copy(io.Discard, bufio.NewReader(conn))
	}()
}
