package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/paradiseftp/paradise"
)

// userFlag collects accounts; the first one given replaces the default.
type userFlag struct {
	accounts paradise.Accounts
	given    bool
}

func (u *userFlag) String() string { return "" }

func (u *userFlag) Set(s string) error {
	name, password, ok := strings.Cut(s, ":")
	if !ok || name == "" {
		return errors.New("want name:password")
	}
	if password == "" {
		return errors.New("the password is empty: want name:password")
	}
	if !u.given {
		u.accounts, u.given = paradise.Accounts{}, true
	}
	u.accounts[name] = password
	return nil
}

func (u *userFlag) repeatable() {}

// listFlag collects values.
type listFlag []string

func (l *listFlag) String() string { return strings.Join(*l, ",") }

func (l *listFlag) Set(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("is empty: write a name")
	}
	*l = append(*l, s)
	return nil
}

func (l *listFlag) repeatable() {}

// levelFlag is a log level in lower case, as users type it.
type levelFlag struct{ level *slog.Level }

func (l *levelFlag) String() string {
	if l.level == nil {
		return ""
	}
	return strings.ToLower(l.level.String())
}

func (l *levelFlag) Set(s string) error {
	if l.level.UnmarshalText([]byte(s)) != nil {
		return errors.New("want debug, info, warn or error")
	}
	return nil
}

// portRange is a range of ports, "MIN-MAX".
type portRange struct{ min, max uint16 }

func (p *portRange) String() string {
	if p.min == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%d", p.min, p.max)
}

func (p *portRange) Set(s string) error {
	if s == "" {
		*p = portRange{}
		return nil
	}
	low, high, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseUint(low, 10, 16)
	b, err2 := strconv.ParseUint(high, 10, 16)
	if !ok || err1 != nil || err2 != nil || a == 0 || b == 0 {
		return errors.New("want min-max, as in 50000-50100")
	}
	if b < a {
		return fmt.Errorf("the range is backwards, want min-max: write %d-%d", b, a)
	}
	*p = portRange{uint16(a), uint16(b)}
	return nil
}
