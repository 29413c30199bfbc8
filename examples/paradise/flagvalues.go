package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// explain wraps the flags that the flag package parses itself, so that the error for an
// invalid value says what to write. It covers every flag of these types.
func explain(fs *flag.FlagSet) {
	fs.VisitAll(func(f *flag.Flag) {
		g, ok := f.Value.(flag.Getter)
		if !ok {
			return
		}
		switch g.Get().(type) {
		case bool:
			f.Value = boolValue{g}
		case int:
			f.Value = countValue{g}
		case time.Duration:
			f.Value = timeValue{g}
		case *netip.Addr:
			f.Value = ipValue{g}
		}
	})
}

// The flag package compares a default with the text of the type's zero value, and -h
// leaves out a default that is equal. So String must work on zero values.

type boolValue struct{ flag.Getter }

func (v boolValue) IsBoolFlag() bool { return true }

func (v boolValue) String() string { return textOr(v.Getter, "false") }

func (v boolValue) Set(s string) error {
	return instead(v.Getter.Set(s), errors.New("write true or false"))
}

type countValue struct{ flag.Getter }

func (v countValue) String() string { return textOr(v.Getter, "0") }

func (v countValue) Set(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < 0 {
		return numberWanted(s)
	}
	return v.Getter.Set(s)
}

type timeValue struct{ flag.Getter }

func (v timeValue) String() string { return textOr(v.Getter, "0s") }

func (v timeValue) Set(s string) error {
	if d, err := time.ParseDuration(s); err != nil || d < 0 {
		return timeWanted(s)
	}
	return v.Getter.Set(s)
}

type ipValue struct{ flag.Getter }

func (v ipValue) String() string { return textOr(v.Getter, "") }

func (v ipValue) Set(s string) error {
	return instead(v.Getter.Set(s), errors.New("write an IP address, as in 192.0.2.1; names are not looked up"))
}

func textOr(g flag.Getter, zero string) string {
	if g == nil {
		return zero
	}
	return g.String()
}

// instead returns better if err is not nil.
func instead(err, better error) error {
	if err == nil {
		return nil
	}
	return better
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// timeWanted returns the error for an invalid time. For a plain number it suggests units.
func timeWanted(s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	switch {
	case strings.HasPrefix(s, "-"):
		return errors.New("a time cannot be below zero: write one as in 90s, 5m or 1h30m")
	case err != nil:
		return errors.New("write a time with its unit, as in 90s, 5m or 1h30m; a day is 24h")
	case n >= 60 && n%60 == 0:
		return fmt.Errorf("a time needs its unit: write %ds or %dm", n, n/60)
	}
	return fmt.Errorf("a time needs its unit: write %ds or %dm", n, n)
}

var withUnit = regexp.MustCompile(`^(\d{1,9})\s*([kKmMgGtT]?)(i?)[bB]?(?:/s|ps)?$`)

// numberWanted returns the error for an invalid number. For a number with a unit it tells
// the result.
func numberWanted(s string) error {
	if m := withUnit.FindStringSubmatch(s); m != nil && m[2] != "" {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		base := int64(1000)
		if m[3] != "" {
			base = 1024
		}
		for range 1 + strings.Index("KMGT", strings.ToUpper(m[2])) {
			n *= base
		}
		return fmt.Errorf("write a whole number without a unit: %s is %d", s, n)
	}
	return errors.New("write a whole number, 0 or more")
}

// choiceFlag accepts one of a few words.
type choiceFlag struct {
	value   *string
	allowed []string
}

func choiceVar(fs *flag.FlagSet, value *string, name, def, usage string, allowed ...string) {
	*value = def
	fs.Var(&choiceFlag{value, allowed}, name, usage)
}

func (c *choiceFlag) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c *choiceFlag) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("use %s", oneOf(c.allowed))
	}
	*c.value = s
	return nil
}

func oneOf(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// addrFlag accepts host:port.
type addrFlag struct {
	value    *string
	optional bool
}

func addrVar(fs *flag.FlagSet, value *string, name, def, usage string) {
	*value = def
	fs.Var(&addrFlag{value: value, optional: slices.Contains(mayBeEmpty, name)}, name, usage)
}

func (a *addrFlag) String() string {
	if a.value == nil {
		return ""
	}
	return *a.value
}

func (a *addrFlag) Set(s string) error {
	if s != "" || !a.optional {
		if err := checkAddr(s); err != nil {
			return err
		}
	}
	*a.value = s
	return nil
}

// checkAddr refuses addresses that no program can listen on.
func checkAddr(s string) error {
	host, port, err := net.SplitHostPort(s)
	_, bare := netip.ParseAddr(s)
	switch {
	case s != "" && isDigits(s):
		return fmt.Errorf("write host:port, as in 127.0.0.1:%s for this machine or :%s for all", s, s)
	case err != nil && bare == nil && strings.Contains(s, ":"):
		return fmt.Errorf("write host:port; an IPv6 address in brackets, as in [%s]:2121", s)
	case err != nil:
		return errors.New("write host:port, as in 127.0.0.1:2121, :2121 or [::1]:2121")
	case port == "":
		return errors.New("the port is missing: write host:port, as in 127.0.0.1:2121")
	case strings.ContainsAny(host, "/ @"):
		return errors.New("write host:port alone, as in 127.0.0.1:2121")
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n > 65535 {
		return fmt.Errorf("%q is no port: write host:port with a port from 0 to 65535", port)
	}
	return nil
}

// mayBeEmpty are the text settings for which an empty value makes sense. An empty value of
// any other is an error, because the usual cause is a variable that was not set: an empty
// -htpasswd must not enable the default account, and an empty -tls-cert must not disable
// TLS.
var mayBeEmpty = []string{
	"monitor", "tls-addr", "passive-ports", "public-ip", "acme-email", "acme-directory", "monitor-host", "trace-user",
}

// errEmpty returns the error for a setting that was given without a value.
func errEmpty(fs *flag.FlagSet, name string) error {
	what, _ := flag.UnquoteUsage(fs.Lookup(name))
	return fmt.Errorf("is empty: give it a value (%s), or leave it out", what)
}

// checkGiven refuses flags that were given without a value.
func checkGiven(fs *flag.FlagSet) error {
	var wrong error
	fs.Visit(func(f *flag.Flag) {
		if _, adds := f.Value.(repeatable); adds || wrong != nil {
			return
		}
		if strings.TrimSpace(f.Value.String()) == "" && !slices.Contains(mayBeEmpty, f.Name) {
			wrong = fmt.Errorf("-%s %w", f.Name, errEmpty(fs, f.Name))
		}
	})
	return wrong
}

// These match the errors of the flag package.
var (
	badValue   = regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?-([^ :]+): (.*)$`)
	noSuchFlag = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)
)

// parse parses args. An error is one line that names the flag and says what is expected;
// it never contains a secret. With -h parse writes the usage to out.
func parse(fs *flag.FlagSet, args []string, out io.Writer, usage string) error {
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	if err == nil {
		return nil
	}
	if errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(out)
		fmt.Fprintln(out, usage)
		fs.PrintDefaults()
		return err
	}
	if m := badValue.FindStringSubmatch(err.Error()); m != nil {
		if slices.Contains(secret, m[2]) {
			return fmt.Errorf("-%s: %s", m[2], m[3])
		}
		return fmt.Errorf("-%s is %s: %s", m[2], m[1], m[3])
	}
	if m := noSuchFlag.FindStringSubmatch(err.Error()); m != nil {
		err = fmt.Errorf("%w%s", err, didYouMean(m[1], "-", flagNames(fs)))
	}
	return fmt.Errorf("%w; %s -h lists the flags", err, fs.Name())
}

func flagNames(fs *flag.FlagSet) []string {
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

// didYouMean returns a question with the name that was most likely meant, or "".
func didYouMean(given, prefix string, names []string) string {
	best, least := "", 1+min(2, len(given)/3)
	for _, name := range names {
		if d := distance(strings.ToLower(given), name); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s%s?", prefix, best)
}

// distance returns how many characters must be inserted, deleted, changed or swapped with
// their neighbour to turn a into b.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := range len(a) {
		older, old, row := rows[0], rows[1], rows[2]
		row[0] = i + 1
		for j := range len(b) {
			change := old[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(old[j+1]+1, row[j]+1, change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
		rows = [3][]int{old, row, older}
	}
	return rows[1][len(b)]
}
