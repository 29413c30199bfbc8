package paradise

import (
	"time"

	"github.com/paradiseftp/paradise/internal/zstream"
)

// params are what TYPE, MODE, REST and their kin set. REIN and AUTH reset them.
type params struct {
	cwd        string
	ascii      bool // TYPE A was said
	typed      bool // any TYPE was said
	deflate    bool // MODE Z
	level      int8 // of deflate
	epsvAll    bool
	facts      factSet
	hash       Digest
	charset    charsetState
	source     *source // of the rename or copy that has begun; nil: none
	offset     int64
	rangeEnd   int64 // of RANG; -1 without
	allocated  int64
	expect     map[Digest]string
	idle       time.Duration // SITE IDLE; 0: the server's
	lastUpload *digestRecord // nil: none that has digests
}

// ofTransfers is what outlives the login: the transfer parameters, and what was
// agreed of names and facts.
func (p *params) ofTransfers() params {
	kept := newParams("/")
	kept.ascii, kept.typed, kept.deflate, kept.level = p.ascii, p.typed, p.deflate, p.level
	kept.epsvAll, kept.facts, kept.hash, kept.charset = p.epsvAll, p.facts, p.hash, p.charset
	return kept
}

func newParams(home string) params {
	return params{cwd: home, facts: defaultFacts, hash: DigestSHA256, rangeEnd: -1, level: zstream.DefaultLevel}
}

// clearOffset forgets REST and RANG, which hold for one command.
func (p *params) clearOffset() { p.offset, p.rangeEnd = 0, -1 }

// source is what RNFR or SITE CPFR has named.
type source struct {
	name string
	dir  bool // it is a folder
	copy bool // of CPFR
}

// sourceOf is the name that awaits RNTO, or SITE CPTO.
func (p *params) sourceOf(copy bool) *source {
	if p.source == nil || p.source.copy != copy {
		return nil
	}
	return p.source
}

// asciiType reports whether the type is A. Before any TYPE it is not, so that a device
// that never sends one is never corrupted, unless the policy asks for RFC 959's
// default.
func (c *conn) asciiType() bool {
	if !c.params.typed {
		return c.facts().Policy.ASCIIDefault
	}
	return c.params.ascii
}

// converts reports whether transfers convert line ends.
func (c *conn) converts() bool { return c.asciiType() && !c.facts().Policy.RawASCII }
