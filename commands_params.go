package paradise

import (
	"strconv"
	"strings"
)

func paramCommands() []*command {
	return []*command{
		{
			name: "TYPE", syntax: "A|I|L 8", ref: "RFC 959, 4.1.2",
			needs: needLogin | needArg | keepsBoth,
			codes: []int{200, 504},
			run:   cmdType,
		},
		{
			name: "MODE", syntax: "S|Z", feat: "MODE Z", ref: "RFC 959, 4.1.2",
			needs: needLogin | needArg | keepsBoth,
			codes: []int{200, 504},
			run:   cmdMode,
		},
		{
			name: "STRU", syntax: "F", ref: "RFC 959, 4.1.2",
			needs: needLogin | needArg | keepsBoth,
			codes: []int{200, 504},
			run:   cmdStru,
		},
		{
			name: "ALLO", syntax: "bytes [R bytes]", ref: "RFC 959, 4.1.3",
			needs: needLogin | needArg | keepsBoth,
			codes: []int{200},
			run:   cmdAllo,
		},
		{
			name: "REST", syntax: "offset", feat: "REST STREAM", ref: "RFC 3659, 5",
			needs: needLogin | needArg | keepsOffset, offer: FeatureRange | FeatureResume,
			codes: []int{350, 502, 504},
			run:   cmdRest,
		},
		{
			name: "RANG", syntax: "first last", feat: "RANG STREAM", ref: "draft-bryan-ftp-range, 3",
			needs: needLogin | needArg | keepsOffset, offer: FeatureRange,
			codes: []int{350, 502, 504},
			run:   cmdRang,
		},
		{
			name: "PRET", syntax: "command", feat: "PRET", ref: "drftpd",
			needs: needLogin | needArg | keepsBoth,
			codes: []int{200, 504},
			run:   cmdPret,
		},
	}
}

// cmdType takes the forms that clients send: "A", "A N", "AN", "I", "I N" (commons-net), "L 8", "L8".
// EBCDIC and carriage control are refused: docs/decisions has the reasons.
func cmdType(c *conn, arg string) reply {
	switch strings.ToUpper(strings.Join(strings.Fields(arg), "")) {
	case "A", "AN":
		c.params.ascii, c.params.typed = true, true
		return say(200, "Type set to ASCII")
	case "I", "IN", "L8":
		c.params.ascii, c.params.typed = false, true
		return say(200, "Type set to binary")
	case "E", "EN", "ET", "EC", "AT", "AC":
		return say(504, "Type not supported, use A or I")
	}
	if strings.HasPrefix(strings.ToUpper(arg), "L") && isDigits(strings.TrimSpace(arg[1:])) {
		return say(504, "Byte size not supported, use 8")
	}
	return say(501, "Type not known, use A or I")
}

func cmdMode(c *conn, arg string) reply {
	switch strings.ToUpper(strings.TrimSpace(arg)) {
	case "S":
		c.params.deflate = false
		return say(200, "Mode set to stream")
	case "Z":
		c.params.deflate = true
		return say(200, "Mode set to deflate")
	case "B", "C":
		return say(504, "Mode not supported, use S or Z")
	}
	return say(501, "Mode not known, use S or Z")
}

func cmdStru(_ *conn, arg string) reply {
	switch strings.ToUpper(strings.TrimSpace(arg)) {
	case "F":
		return say(200, "Structure set to file")
	case "R", "P":
		return say(504, "Structure not supported, use F")
	}
	return say(501, "Structure not known, use F")
}

// cmdAllo answers 200, not 202, on which cameras give up. The size is a hint to
// the driver, or a promise where the policy says so.
func cmdAllo(c *conn, arg string) reply {
	f := strings.Fields(arg)
	ok := len(f) == 1 || len(f) == 3 && strings.EqualFold(f[1], "R") && isDigits(f[2])
	if !ok {
		return say(501, "Syntax: ALLO bytes [R bytes]")
	}
	n, err := parseSize(f[0])
	if err != nil {
		return say(501, "ALLO needs a decimal number")
	}
	c.params.allocated = n
	return say(200, "ALLO noted")
}

// parseSize reads a decimal number of bytes: no sign, no spaces, at most 2^63-1.
func parseSize(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}

// cmdRest sets where the next transfer begins. With line ends converted, an
// offset means nothing.
func cmdRest(c *conn, arg string) reply {
	n, err := parseSize(strings.TrimSpace(arg))
	switch {
	case err != nil:
		return say(501, "REST needs a decimal number")
	case n > 0 && c.converts():
		return say(504, "REST is not possible in ASCII type, use TYPE I")
	case n > 0 && c.features()&(FeatureRange|FeatureResume) == 0:
		return say(502, "Not supported by this storage")
	}
	c.params.clearOffset()
	c.params.offset = n
	return say(350, "Restarting at "+itoa(n)+", send RETR, STOR or APPE")
}

// cmdRang bounds the next RETR or HASH: first and last byte, both inclusive;
// "1 0" takes the bounds away.
func cmdRang(c *conn, arg string) reply {
	f := strings.Fields(arg)
	if len(f) != 2 {
		return say(501, "Syntax: RANG first last")
	}
	first, err1 := parseSize(f[0])
	last, err2 := parseSize(f[1])
	c.params.clearOffset()
	switch {
	case err1 != nil || err2 != nil:
		return say(501, "RANG needs two decimal numbers")
	case first == 1 && last == 0:
		return say(350, "Range reset")
	case last < first || last == 1<<63-1:
		return say(501, "Last byte is before the first")
	case c.converts():
		return say(504, "RANG is not possible in ASCII type, use TYPE I")
	case c.features()&FeatureRange == 0:
		return say(502, "Not supported by this storage")
	}
	c.params.offset, c.params.rangeEnd = first, last+1
	return say(350, "Restarting at "+itoa(first)+", ending at "+itoa(last))
}

// cmdPret announces the next transfer, for servers that must know it before
// PASV; here it needs only be a transfer.
func cmdPret(c *conn, arg string) reply {
	verb, _ := splitCommand(arg)
	cmd := c.env.table.rows[verb]
	if cmd == nil || cmd.needs&needData == 0 {
		return say(504, "PRET needs a transfer command")
	}
	return say(200, "Noted, use PASV or EPSV now")
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
