package paradise

import (
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Each function here appends to a slice and allocates nothing per entry. Names
// are octets and pass unchanged (RFC 3659, 7.3), 0xFF too: who sends a line on
// the control connection must double that one.

// hasLine reports whether name can stand in a line of a listing. One that holds
// NUL, CR or LF would forge other lines, so its entry is left out.
func hasLine(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= '\r' && (c == 0 || c == '\r' || c == '\n') {
			return false
		}
	}
	return name != ""
}

// appendListLine appends e as LIST shows it: the line of ls -l, which clients
// parse by the look of it. A nil zone is UTC. An entry without a line (hasLine)
// leaves b as it is.
func appendListLine(b []byte, e Entry, now time.Time, zone *time.Location) []byte {
	if !hasLine(e.Name) {
		return b
	}
	b = appendMode(b, e.Mode)
	b = append(b, " 1 "...)
	b = appendWord(b, e.Owner, "paradise")
	b = append(b, ' ')
	b = appendWord(b, e.Group, "ftp")
	b = appendSize(b, e.Size)
	b = append(b, ' ')
	b = appendListTime(b, e.ModTime, now, zone)
	b = append(b, ' ')
	b = append(b, e.Name...)
	if e.Mode&fs.ModeSymlink != 0 && hasLine(e.Target) {
		b = append(b, " -> "...)
		b = append(b, e.Target...)
	}
	return append(b, "\r\n"...)
}

// appendName appends a line of NLST: prefix, which ends with a slash or is
// empty, and the name.
func appendName(b []byte, prefix, name string) []byte {
	if !hasLine(name) || prefix != "" && !hasLine(prefix) {
		return b
	}
	b = append(b, prefix...)
	b = append(b, name...)
	return append(b, "\r\n"...)
}

// appendMode appends the ten characters of ls. fs.FileMode.String has another
// format.
func appendMode(b []byte, m fs.FileMode) []byte {
	const rwx = "rwxrwxrwx"
	b = append(b, modeType(m))
	at := len(b)
	b = append(b, rwx...)
	for i := range len(rwx) {
		if m&(1<<(8-i)) == 0 {
			b[at+i] = '-'
		}
	}
	if m&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) == 0 {
		return b
	}
	setSpecial(&b[at+2], m&fs.ModeSetuid != 0, 's')
	setSpecial(&b[at+5], m&fs.ModeSetgid != 0, 's')
	setSpecial(&b[at+8], m&fs.ModeSticky != 0, 't')
	return b
}

// setSpecial puts a special bit's letter over the execute bit's, in upper case
// where that one is not set.
func setSpecial(x *byte, set bool, letter byte) {
	switch {
	case !set:
	case *x == 'x':
		*x = letter
	default:
		*x = letter - 'a' + 'A'
	}
}

func modeType(m fs.FileMode) byte {
	switch {
	case m&fs.ModeSymlink != 0:
		return 'l'
	case m&fs.ModeDir != 0:
		return 'd'
	case m&fs.ModeNamedPipe != 0:
		return 'p'
	case m&fs.ModeSocket != 0:
		return 's'
	case m&fs.ModeCharDevice != 0:
		return 'c'
	case m&fs.ModeDevice != 0:
		return 'b'
	default:
		return '-'
	}
}

// appendWord appends s as one column: what would end it becomes "_".
func appendWord(b []byte, s, ifEmpty string) []byte {
	if s == "" {
		return append(b, ifEmpty...)
	}
	at := len(b)
	b = append(b, s...)
	for i, c := range b[at:] {
		if c <= ' ' || c == 0x7f {
			b[at+i] = '_'
		}
	}
	return b
}

// appendSize appends a column of 13, its separator included; larger sizes widen
// it. An unknown size is 0.
func appendSize(b []byte, size int64) []byte {
	const spaces = "             "
	var digits [20]byte
	d := strconv.AppendInt(digits[:0], max(size, 0), 10)
	b = append(b, spaces[:max(1, len(spaces)-len(d))]...)
	return append(b, d...)
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// Clients take a time without a year for the last twelve months, and some for
// the last six.
const (
	listTimeRecent = 182 * 24 * time.Hour
	listTimeSkew   = time.Minute // into the future
)

// appendListTime appends the twelve characters of ls: the time of day, or the
// year where that says more. A time that is unknown, or in no year of four
// digits, is the epoch.
func appendListTime(b []byte, t, now time.Time, zone *time.Location) []byte {
	if zone == nil {
		zone = time.UTC
	}
	age := now.Sub(t)
	recent := age >= -listTimeSkew && age < listTimeRecent
	t = t.In(zone)
	year, month, day := t.Date()
	if t.IsZero() || year < 0 || year > 9999 {
		year, month, day, recent = 1970, time.January, 1, false
	}
	at := (int(month) - 1) * 3
	b = append(b, months[at:at+3]...)
	b = append(b, ' ')
	if day < 10 {
		b = append(b, ' ', '0'+byte(day))
	} else {
		b = append2(b, day)
	}
	b = append(b, ' ')
	if !recent {
		b = append(b, ' ')
		return append2(append2(b, year/100), year%100)
	}
	hour, minute, _ := t.Clock()
	b = append2(b, hour)
	b = append(b, ':')
	return append2(b, minute)
}

// append2 appends v as two digits.
func append2(b []byte, v int) []byte {
	return append(b, '0'+byte(v/10), '0'+byte(v%10))
}

// factSet is a set of the facts that MLST and MLSD know (RFC 3659, 7.5).
type factSet uint16

const (
	factType factSet = 1 << iota
	factSize
	factModify
	factCreate
	factPerm
	factUnique
	factUnixMode
	factUnixOwner
	factUnixGroup
)

// defaultFacts are sent until OPTS MLST says otherwise.
const defaultFacts = factType | factSize | factModify | factPerm | factUnique | factUnixMode

// factKind says what the type fact tells of an entry.
type factKind uint8

const (
	factKindEntry factKind = iota // what Entry.Mode says
	factKindCdir                  // the folder that is listed
	factKindPdir                  // its parent
)

// appendMLSx appends the line of MLSD, or of MLST without its leading space:
// facts, one space, e.Name. allowed holds what the session may do. Left out are
// entries that cannot be told without lying: those without a line (hasLine), and
// cdir and pdir without the type fact (RFC 3659, 7.5.1.2).
func appendMLSx(b []byte, e Entry, kind factKind, facts factSet, allowed Perm) []byte {
	if !hasLine(e.Name) || kind != factKindEntry && facts&factType == 0 {
		return b
	}
	b = appendFacts(b, e, kind, facts, allowed)
	b = append(b, e.Name...)
	return append(b, "\r\n"...)
}

// appendFacts appends the facts that are asked for, known and of use for this
// entry, and the one space that ends them, be there any or not.
func appendFacts(b []byte, e Entry, kind factKind, facts factSet, allowed Perm) []byte {
	dir := kind != factKindEntry || e.IsDir()
	if facts&factType != 0 {
		b = appendTypeFact(b, &e, kind)
	}
	if facts&factSize != 0 && !dir && e.Mode.IsRegular() && e.Size >= 0 {
		b = append(b, "size="...)
		b = strconv.AppendInt(b, e.Size, 10)
		b = append(b, ';')
	}
	if facts&factModify != 0 {
		b = appendTimeFact(b, "modify=", e.ModTime)
	}
	if facts&factCreate != 0 {
		b = appendTimeFact(b, "create=", e.Created)
	}
	if facts&factPerm != 0 {
		b = append(b, "perm="...)
		b = append(appendPerm(b, e.Mode, dir, allowed&^e.Deny), ';')
	}
	if facts&factUnique != 0 && isFactValue(e.Unique) {
		b = append(b, "unique="...)
		b = append(append(b, e.Unique...), ';')
	}
	if facts&(factUnixMode|factUnixOwner|factUnixGroup) != 0 {
		b = appendUnixFacts(b, &e, facts)
	}
	return append(b, ' ')
}

func appendUnixFacts(b []byte, e *Entry, facts factSet) []byte {
	if facts&factUnixMode != 0 {
		m := unixMode(e.Mode)
		b = append(b, "UNIX.mode="...)
		b = append(b, '0'+byte(m>>9), '0'+byte(m>>6&7), '0'+byte(m>>3&7), '0'+byte(m&7), ';')
	}
	if facts&factUnixOwner != 0 && isFactValue(e.Owner) {
		b = append(b, "UNIX.owner="...)
		b = append(append(b, e.Owner...), ';')
	}
	if facts&factUnixGroup != 0 && isFactValue(e.Group) {
		b = append(b, "UNIX.group="...)
		b = append(append(b, e.Group...), ';')
	}
	return b
}

// appendTypeFact follows what FileZilla understands for links.
func appendTypeFact(b []byte, e *Entry, kind factKind) []byte {
	switch {
	case kind == factKindCdir:
		return append(b, "type=cdir;"...)
	case kind == factKindPdir:
		return append(b, "type=pdir;"...)
	}
	switch modeType(e.Mode) {
	case 'd':
		return append(b, "type=dir;"...)
	case 'l':
		b = append(b, "type=OS.unix=slink"...)
		if isFactValue(e.Target) {
			b = append(b, ':')
			b = append(b, e.Target...)
		}
		return append(b, ';')
	case 'p':
		return append(b, "type=OS.unix=fifo;"...)
	case 's':
		return append(b, "type=OS.unix=socket;"...)
	case 'c':
		return append(b, "type=OS.unix=chr;"...)
	case 'b':
		return append(b, "type=OS.unix=blk;"...)
	default:
		return append(b, "type=file;"...)
	}
}

// isFactValue reports whether s can be a fact's value: facts hold no space and
// no semicolon (RFC 3659, 7.4).
func isFactValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == ';' || c == 0x7f {
			return false
		}
	}
	return s != ""
}

// appendTimeFact appends name and t in UTC (RFC 3659, 2.3), or nothing if t is
// unknown.
func appendTimeFact(b []byte, name string, t time.Time) []byte {
	year, month, day := t.UTC().Date()
	if t.IsZero() || year < 0 || year > 9999 {
		return b
	}
	hour, minute, second := t.UTC().Clock()
	d := [15]byte{14: ';'}
	put2(d[0:2], year/100)
	put2(d[2:4], year%100)
	put2(d[4:6], int(month))
	put2(d[6:8], day)
	put2(d[8:10], hour)
	put2(d[10:12], minute)
	put2(d[12:14], second)
	b = append(b, name...)
	return append(b, d[:]...)
}

func put2(d []byte, v int) { d[0], d[1] = '0'+byte(v/10), '0'+byte(v%10) }

// unixMode returns the twelve bits of chmod.
func unixMode(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

var (
	filePerms = []permLetter{
		{'a', PermAppend}, {'d', PermDelete}, {'f', PermRename}, {'r', PermRead}, {'w', PermOverwrite},
	}
	dirPerms = []permLetter{
		{'c', PermCreate}, {'d', PermRmdir}, {'e', 0}, {'f', PermRename},
		{'l', PermList}, {'m', PermMkdir}, {'p', PermDelete},
	}
	specialPerms = []permLetter{{'d', PermDelete}, {'f', PermRename}} // of pipes, sockets and devices
)

// permLetter is a letter of the perm fact and what it takes.
type permLetter struct {
	letter byte
	needs  Perm
}

// appendPerm appends the letters of RFC 3659, 7.5.5, for what allowed permits on
// an entry of this type, or a folder. They are a guide: permission bits of the
// storage are not looked at, nor what a link leads to.
func appendPerm(b []byte, m fs.FileMode, dir bool, allowed Perm) []byte {
	letters := filePerms
	switch {
	case dir:
		letters = dirPerms
	case !m.IsRegular() && m&fs.ModeSymlink == 0:
		letters = specialPerms
	}
	for _, l := range letters {
		if allowed&l.needs == l.needs {
			b = append(b, l.letter)
		}
	}
	return b
}

// factNames are in the order of the bits.
var factNames = [...]string{
	"type", "size", "modify", "create", "perm", "unique", "UNIX.mode", "UNIX.owner", "UNIX.group",
}

// featMLST is the line of FEAT: all facts, those enabled with a star (RFC 3659,
// 7.8).
func featMLST(enabled factSet) string {
	var s strings.Builder
	s.WriteString("MLST ")
	for i, name := range factNames {
		s.WriteString(name)
		if enabled&(1<<i) != 0 {
			s.WriteByte('*')
		}
		s.WriteByte(';')
	}
	return s.String()
}
