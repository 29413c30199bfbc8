package main

import (
	"cmp"
	"flag"
	"fmt"

	"github.com/paradiseftp/paradise"
)

// concessions are exceptions for old or faulty clients, for all users.
type concessions struct {
	defaultType string
	unclosedTLS bool
	lostControl bool
}

func (c *concessions) flags(fs *flag.FlagSet) {
	choiceVar(fs, &c.defaultType, "default-type", "binary",
		"binary or ascii: type of transfers until a client says one; ascii is RFC 959's", "binary", "ascii")
	fs.BoolVar(&c.unclosedTLS, "allow-unclosed-tls", false,
		"take uploads over TLS without close_notify, and with them truncated ones")
	fs.BoolVar(&c.lostControl, "allow-lost-control", false,
		"take uploads that outlive their control connection, and with them parts")
}

func (c *concessions) apply(p *paradise.Policy) {
	p.ASCIIDefault = c.defaultType == "ascii"
	p.AllowUnclosedTLS = c.unclosedTLS
	p.AllowLostControl = c.lostControl
}

// ownConcessions are the concessions of one account. Fields that are not set are as for
// all users; an account may also be stricter than those.
type ownConcessions struct {
	DefaultType dataType `toml:"default-type,omitempty"` // binary or ascii
	UnclosedTLS *bool    `toml:"allow-unclosed-tls,omitempty"`
	LostControl *bool    `toml:"allow-lost-control,omitempty"`
}

func (c *ownConcessions) apply(p *paradise.Policy) {
	if c.DefaultType != "" {
		p.ASCIIDefault = c.DefaultType == "ascii"
	}
	p.AllowUnclosedTLS = *cmp.Or(c.UnclosedTLS, &p.AllowUnclosedTLS)
	p.AllowLostControl = *cmp.Or(c.LostControl, &p.AllowLostControl)
}

// dataType is the transfer type before the first TYPE. Empty: as for all users.
type dataType string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *dataType) UnmarshalText(text []byte) error {
	if s := string(text); s != "binary" && s != "ascii" {
		return fmt.Errorf("%q: use binary or ascii", text)
	}
	*t = dataType(text)
	return nil
}
