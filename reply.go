package paradise

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// reply is what a handler answers. The zero value sends nothing.
type reply struct {
	code  int
	text  string   // the only line, or the last of several
	lines []string // lines before text (RFC 959, 4.2); sent with the code where text is the same reply
	body  bool     // lines are a body: indented by one space instead of numbered (FEAT, STAT, MLST)
	err   error    // for the log, never for the client
	job   *job     // to be run beside the control connection; it gives the final reply
	end   bool     // the session ends after this reply
	after func()   // runs once the reply is on its way (AUTH)
	opens *xfer    // whose 150 it is
	begun bool     // its first lines have been sent
	open  bool     // its last line comes later
}

// say is a reply of one line.
func say(code int, text string) reply { return reply{code: code, text: text} }

// appendReply formats r as RFC 959, 4.2 says.
func appendReply(b []byte, r reply) []byte {
	for i, line := range r.lines {
		switch {
		case r.body && (i > 0 || r.begun):
			b = append(b, ' ')
		default:
			b = strconv.AppendInt(b, int64(r.code), 10)
			b = append(b, '-')
		}
		b = appendText(b, line)
		b = append(b, '\r', '\n')
	}
	if r.open {
		return b
	}
	b = strconv.AppendInt(b, int64(r.code), 10)
	b = append(b, ' ')
	b = appendText(b, r.text)
	return append(b, '\r', '\n')
}

// appendText makes spaces of what would forge a line or cut one short. All else
// passes, other control characters too: names have them, and a client must get back
// the name that it is to send.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '\r', '\n', 0:
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return b
}

// doubleIAC doubles 0xFF, as Telnet wants it on the control connection (RFC 854).
func doubleIAC(b []byte) []byte {
	if bytes.IndexByte(b, 0xFF) < 0 {
		return b
	}
	return bytes.ReplaceAll(b, []byte{0xFF}, []byte{0xFF, 0xFF})
}

// quotePath quotes a name as 257 replies do: in double quotes, doubled inside
// (RFC 959, appendix II).
func quotePath(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// textReply splits a host's text into a reply of one or several lines.
func textReply(code int, text string) reply {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	last := len(lines) - 1
	return reply{code: code, lines: lines[:last], text: lines[last]}
}

// errHostReply marks a code that the host program chose.
var errHostReply = errors.New("paradise: reply of the host program")

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
