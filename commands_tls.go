package paradise

import (
	"strconv"
	"strings"
)

func tlsCommands() []*command {
	return []*command{
		{
			name: "AUTH", syntax: "TLS", ref: "RFC 4217, 4",
			needs: needArg | early,
			codes: []int{234, 502, 503, 504},
			run:   cmdAuth,
		},
		{
			name: "PBSZ", syntax: "0", ref: "RFC 4217, 8",
			needs: needArg | early | keepsBoth,
			codes: []int{200, 503},
			run:   cmdPBSZ,
		},
		{
			name: "PROT", syntax: "C|P", ref: "RFC 4217, 9",
			needs: needArg | early | keepsBoth,
			codes: []int{200, 503, 504, 534, 536},
			run:   cmdProt,
		},
		{
			name: "CCC", ref: "RFC 4217, 6",
			needs: early | unlisted,
			codes: []int{503, 533},
			run:   cmdCCC,
		},
	}
}

// cmdAuth starts TLS (RFC 4217, 4). Bytes that came behind it were sent in the
// clear and could be anyone's: they end the session (CVE-2011-0411 and its kin).
func cmdAuth(c *conn, arg string) reply {
	mechanism := strings.ToUpper(strings.TrimSpace(arg))
	switch mechanism {
	case "TLS", "TLS-C", "SSL", "TLS-P":
	default:
		return say(504, "AUTH mechanism not known, use TLS")
	}
	switch {
	case c.env.tls == nil:
		return say(502, "TLS is not available")
	case c.tls.on:
		return say(503, "TLS is in use already")
	case c.lines.Buffered() > 0 || c.pipelined():
		c.env.counters.refuse(refusedInjection)
		return reply{code: 503, text: "Commands behind AUTH are not taken, closing control connection", end: true}
	case c.login.dequeued:
		return say(503, "AUTH is not possible during a transfer")
	}
	return reply{code: 234, text: "Using authentication type " + mechanism, after: func() {
		if !c.startTLS(c.ctx, mechanism == "SSL" || mechanism == "TLS-P") {
			c.stop(errHandshake)
		}
	}}
}

// cmdPBSZ: RFC 4217, 8. Over TLS the buffer size has no meaning and is 0.
func cmdPBSZ(c *conn, arg string) reply {
	if !c.tls.on {
		return say(503, "PBSZ needs AUTH first")
	}
	arg = strings.TrimSpace(arg)
	if _, err := strconv.ParseUint(arg, 10, 32); err != nil { // RFC 2228, 3
		return say(501, "PBSZ needs a decimal number of 32 bits")
	}
	c.tls.pbsz = true
	if strings.Trim(arg, "0") == "" {
		return say(200, "PBSZ 0 successful")
	}
	return say(200, "PBSZ=0")
}

// cmdProt: RFC 4217, 9.
func cmdProt(c *conn, arg string) reply {
	level := strings.ToUpper(strings.TrimSpace(arg))
	switch {
	case level != "C" && level != "S" && level != "E" && level != "P":
		return say(504, "PROT level not known, use C or P")
	case !c.tls.on || !c.tls.pbsz:
		return say(503, "PROT needs PBSZ first")
	case level == "S" || level == "E":
		return say(536, "PROT level not supported, use C or P")
	case level == "C" && c.tlsRule() == TLSRequired:
		return say(534, "PROT C is refused by policy, use P")
	}
	c.tls.private = level == "P"
	if c.tls.private {
		return say(200, "Data connections are private")
	}
	return say(200, "Data connections are clear")
}

// cmdCCC: what CCC would open (a control connection in the clear, with the
// session's rights) is refused.
func cmdCCC(c *conn, _ string) reply {
	if !c.tls.on {
		return say(503, "CCC needs AUTH first")
	}
	return say(533, "The control connection stays private")
}
