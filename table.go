package paradise

import (
	"slices"
	"strings"
	"sync/atomic"
)

// need is what must hold before a handler runs; handlers do not check it again.
type need uint16

const (
	needLogin   need = 1 << iota // 530
	needArg                      // 501
	needData                     // 425: PASV, EPSV, PORT or EPRT came before; 521: it is private enough
	needRename                   // 503: RNFR came before
	urgent                       // answered at once while a transfer runs
	urgentBare                   // likewise, but only without an argument
	hidden                       // its argument appears nowhere
	keepsOffset                  // REST and RANG outlive it
	keepsSource                  // RNFR and SITE CPFR outlive it
	early                        // works before login
	unlisted                     // not in HELP
	storage                      // a driver's error may choose the reply
)

// keepsBoth is for what asks, sets a parameter or offers a data channel: it is no step
// of a sequence and breaks none.
const keepsBoth = keepsOffset | keepsSource

// command is a row of the table: what a verb needs, what it may answer, what
// HELP and FEAT say of it.
type command struct {
	name    string
	needs   need
	perm    Perm     // any of it denied is 550
	anyPerm Perm     // all of it denied is 550
	feature Features // without it the verb answers 502 and is not advertised
	offer   Features // without any of it the verb is not advertised
	digest  Digest   // where this process may not compute it the verb answers 502 and is not advertised
	codes   []int    // replies beside those that its needs imply
	syntax  string   // for HELP
	feat    string   // FEAT line
	ref     string   // RFC and section
	run     func(c *conn, arg string) reply
	count   atomic.Int64
}

// allows reports whether the row, with what its needs imply, has this code.
func (cmd *command) allows(code int) bool {
	switch code {
	case 421, 451:
		return true
	case 450, 452, 502, 552, 553:
		return cmd.needs&storage != 0 || code == 502 && cmd.feature != 0 || slices.Contains(cmd.codes, code)
	case 530:
		return cmd.needs&needLogin != 0 || slices.Contains(cmd.codes, code)
	case 501:
		return cmd.needs&needArg != 0 || slices.Contains(cmd.codes, code)
	case 550:
		return cmd.needs&storage != 0 || cmd.perm|cmd.anyPerm != 0 || slices.Contains(cmd.codes, code)
	case 425, 521, 522:
		return cmd.needs&needData != 0 || slices.Contains(cmd.codes, code)
	case 503:
		return cmd.needs&needRename != 0 || slices.Contains(cmd.codes, code)
	}
	return slices.Contains(cmd.codes, code)
}

// siteCommand is a row behind SITE.
type siteCommand struct {
	name    string
	perm    Perm
	feature Features
	args    int  // at least this many words
	hidden  bool // its argument appears nowhere
	keeps   need // keepsOffset and keepsSource
	syntax  string
	run     func(c *conn, arg string) reply
}

// commandTable is what a server understands.
type commandTable struct {
	rows    map[string]*command
	names   []string // sorted
	site    map[string]*siteCommand
	digests Digest       // that this process may compute
	others  atomic.Int64 // unknown verbs
}

func (t *commandTable) counts() map[string]int64 {
	m := make(map[string]int64)
	if t == nil {
		return m
	}
	for name, row := range t.rows {
		if n := row.count.Load(); n > 0 {
			m[name] = n
		}
	}
	if n := t.others.Load(); n > 0 {
		m["OTHER"] = n
	}
	return m
}

// splitCommand parts a line at its first space. The argument keeps every other
// space: names may begin and end with one.
func splitCommand(text string) (verb, arg string) {
	text = strings.TrimLeft(text, " \t")
	verb, arg, _ = strings.Cut(text, " ")
	return strings.ToUpper(strings.TrimRight(verb, "\t")), arg
}

// hiddenArg stands where a secret was.
const hiddenArg = "****"
