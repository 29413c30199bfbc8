package paradise

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	listNow  = time.Date(2026, time.March, 20, 9, 30, 0, 0, time.UTC)
	listFile = Entry{Name: "paradise.txt", Size: 13984, Mode: 0o644, ModTime: time.Date(2026, time.March, 12, 11, 51, 7, 0, time.UTC)}
)

func with(change func(*Entry)) Entry {
	e := listFile
	change(&e)
	return e
}

func TestListLine(t *testing.T) {
	for _, rule := range []struct {
		name string
		e    Entry
		want string
	}{
		{"the line of the sample run", listFile,
			"-rw-r--r-- 1 paradise ftp        13984 Mar 12 11:51 paradise.txt\r\n"},
		{"a folder", with(func(e *Entry) { e.Mode = fs.ModeDir | 0o755 }),
			"drwxr-xr-x 1 paradise ftp        13984 Mar 12 11:51 paradise.txt\r\n"},
		{"owner and group", with(func(e *Entry) { e.Owner, e.Group = "1000", "users" }),
			"-rw-r--r-- 1 1000 users        13984 Mar 12 11:51 paradise.txt\r\n"},
		{"owners are one word", with(func(e *Entry) { e.Owner, e.Group = "DOMAIN\\A User", "a\r\nb\tc\x00d\x7f" }),
			"-rw-r--r-- 1 DOMAIN\\A_User a__b_c_d_        13984 Mar 12 11:51 paradise.txt\r\n"},
		{"an unknown size is zero", with(func(e *Entry) { e.Size = -1 }),
			"-rw-r--r-- 1 paradise ftp            0 Mar 12 11:51 paradise.txt\r\n"},
		{"a size that fills its column", with(func(e *Entry) { e.Size = 123456789012 }),
			"-rw-r--r-- 1 paradise ftp 123456789012 Mar 12 11:51 paradise.txt\r\n"},
		{"a size that is wider", with(func(e *Entry) { e.Size = 1<<63 - 1 }),
			"-rw-r--r-- 1 paradise ftp 9223372036854775807 Mar 12 11:51 paradise.txt\r\n"},
		{"spaces of names are kept", with(func(e *Entry) { e.Name = "  a  b " }),
			"-rw-r--r-- 1 paradise ftp        13984 Mar 12 11:51   a  b \r\n"},
		{"names are octets", with(func(e *Entry) { e.Name = "ж\xff\x1b;[*" }),
			"-rw-r--r-- 1 paradise ftp        13984 Mar 12 11:51 ж\xff\x1b;[*\r\n"},
		{"a link shows its target", with(func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink|0o777, "../x y" }),
			"lrwxrwxrwx 1 paradise ftp        13984 Mar 12 11:51 paradise.txt -> ../x y\r\n"},
		{"a link whose target is unknown", with(func(e *Entry) { e.Mode = fs.ModeSymlink | 0o777 }),
			"lrwxrwxrwx 1 paradise ftp        13984 Mar 12 11:51 paradise.txt\r\n"},
		{"a target forges no line", with(func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink|0o777, "x\r\nd" }),
			"lrwxrwxrwx 1 paradise ftp        13984 Mar 12 11:51 paradise.txt\r\n"},
		{"a target without a link is not shown", with(func(e *Entry) { e.Target = "x" }),
			"-rw-r--r-- 1 paradise ftp        13984 Mar 12 11:51 paradise.txt\r\n"},
	} {
		t.Run(rule.name, func(t *testing.T) {
			got := appendListLine([]byte("before\r\n"), rule.e, listNow, nil)
			assert.Equal(t, "before\r\n"+rule.want, string(got))
		})
	}
}

func TestNamesThatWouldForgeALineAreLeftOut(t *testing.T) {
	for _, name := range []string{"", "a\rb", "a\nb", "a\r\n-rw-r--r-- 1 root", "\x00", "a\x00"} {
		e := with(func(e *Entry) { e.Name = name })
		assert.Equal(t, "b", string(appendListLine([]byte("b"), e, listNow, nil)), "LIST %q", name)
		assert.Equal(t, "b", string(appendName([]byte("b"), "dir/", name)), "NLST %q", name)
		assert.Equal(t, "b", string(appendMLSx([]byte("b"), e, factKindEntry, defaultFacts, 0)), "MLSD %q", name)
	}
}

func TestListMode(t *testing.T) {
	for want, mode := range map[string]fs.FileMode{
		"----------": 0,
		"-rwxrwxrwx": 0o777,
		"-rw-r-----": 0o640,
		"-r---w---x": 0o421,
		"drwxr-xr-x": fs.ModeDir | 0o755,
		"lrwxrwxrwx": fs.ModeSymlink | 0o777,
		"prw-r--r--": fs.ModeNamedPipe | 0o644,
		"srwxr-xr-x": fs.ModeSocket | 0o755,
		"crw-rw-rw-": fs.ModeDevice | fs.ModeCharDevice | 0o666,
		"brw-rw----": fs.ModeDevice | 0o660,
		"-rwsr-xr-x": fs.ModeSetuid | 0o755,
		"-rwSr--r--": fs.ModeSetuid | 0o644,
		"-rwxr-sr-x": fs.ModeSetgid | 0o755,
		"-rw-r-Sr--": fs.ModeSetgid | 0o644,
		"drwxrwxrwt": fs.ModeDir | fs.ModeSticky | 0o777,
		"drwxrwx--T": fs.ModeDir | fs.ModeSticky | 0o770,
		"-rwsr-sr-t": fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky | 0o755,
		"-rw-------": fs.ModeIrregular | fs.ModeAppend | fs.ModeTemporary | 0o600,
	} {
		assert.Equal(t, want, string(appendMode(nil, mode)), "%v", mode)
	}
}

func TestListTime(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	for _, rule := range []struct {
		name string
		t    time.Time
		zone *time.Location
		want string
	}{
		{"now", listNow, nil, "Mar 20 09:30"},
		{"the day has two columns", time.Date(2026, time.March, 2, 3, 4, 0, 0, time.UTC), nil, "Mar  2 03:04"},
		{"182 days ago, less a second", listNow.Add(time.Second - 182*24*time.Hour), nil, "Sep 19 09:30"},
		{"182 days ago", listNow.Add(-182 * 24 * time.Hour), nil, "Sep 19  2025"},
		{"a minute ahead", listNow.Add(time.Minute), nil, "Mar 20 09:31"},
		{"more than a minute ahead", listNow.Add(time.Minute + time.Second), nil, "Mar 20  2026"},
		{"long ahead", listNow.AddDate(300, 0, 0), nil, "Mar 20  2326"},
		{"long ago", time.Date(987, time.December, 31, 0, 0, 0, 0, time.UTC), nil, "Dec 31  0987"},
		{"unknown", time.Time{}, nil, "Jan  1  1970"},
		{"a year of five digits", time.Date(10000, time.May, 5, 0, 0, 0, 0, time.UTC), nil, "Jan  1  1970"},
		{"a year before the first", time.Date(-1, time.May, 5, 0, 0, 0, 0, time.UTC), nil, "Jan  1  1970"},
		{"in the zone", listNow, berlin, "Mar 20 10:30"},
		{"over midnight in the zone", time.Date(2026, time.January, 31, 23, 30, 0, 0, time.UTC), berlin, "Feb  1 00:30"},
		{"given in another zone", listNow.In(berlin), time.UTC, "Mar 20 09:30"},
	} {
		t.Run(rule.name, func(t *testing.T) {
			assert.Equal(t, rule.want, string(appendListTime(nil, rule.t, listNow, rule.zone)))
		})
	}
}

// lsLine is what clients look for in a line of ls -l.
var lsLine = regexp.MustCompile(`^[-dlpscb]([-r][-w][-xsS]){2}[-r][-w][-xtT] +\d+ +\S+ +\S+ +\d+ ` +
	`(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 1-3]\d ([0-2]\d:[0-5]\d| \d{4}) [^\r\n\x00]+\r\n$`)

func FuzzListingsForgeNoLine(f *testing.F) {
	f.Add("paradise.txt", "", "", "", "", uint32(0o644), int64(13984), int64(0))
	f.Add("a\r\nb", "x y", "\n", "c\nd", ";", uint32(fs.ModeSymlink), int64(-1), int64(1)<<62)
	f.Fuzz(func(t *testing.T, name, owner, group, target, unique string, mode uint32, size, age int64) {
		e := Entry{Name: name, Size: size, Mode: fs.FileMode(mode), ModTime: listNow.Add(-time.Duration(age)),
			Owner: owner, Group: group, Target: target, Unique: unique}
		if line := appendListLine(nil, e, listNow, nil); len(line) > 0 {
			require.Regexp(t, lsLine, string(line))
		}
		line := string(appendMLSx(nil, e, factKindEntry, ^factSet(0), ^Perm(0)))
		if line == "" {
			require.True(t, name == "" || strings.ContainsAny(name, "\x00\r\n"))
			return
		}
		facts, shown, _ := strings.Cut(line, " ")
		require.Equal(t, name+"\r\n", shown, "the name begins after the first space")
		for fact := range strings.SplitSeq(strings.TrimSuffix(facts, ";"), ";") {
			require.Regexp(t, `^[A-Za-z.]+=[^\x00-\x20;\x7f]*$`, fact)
		}
	})
}

func TestNameLine(t *testing.T) {
	assert.Equal(t, "a b\r\n", string(appendName(nil, "", "a b")))
	assert.Equal(t, "x\r\ndir/ a\r\n", string(appendName([]byte("x\r\n"), "dir/", " a")))
	assert.Empty(t, appendName(nil, "d\n/", "a"))
}

func TestFacts(t *testing.T) {
	full := with(func(e *Entry) {
		e.Created = e.ModTime.Add(-time.Hour)
		e.Owner, e.Group, e.Unique = "ann", "staff", "8f1"
	})
	const all = ^factSet(0)
	for _, rule := range []struct {
		name    string
		e       Entry
		kind    factKind
		facts   factSet
		allowed Perm
		want    string
	}{
		{"all facts", full, factKindEntry, all, ^Perm(0),
			"type=file;size=13984;modify=20260312115107;create=20260312105107;perm=adfrw;unique=8f1;UNIX.mode=0644;UNIX.owner=ann;UNIX.group=staff; "},
		{"default facts", full, factKindEntry, defaultFacts, PermRead,
			"type=file;size=13984;modify=20260312115107;perm=r;unique=8f1;UNIX.mode=0644; "},
		{"no facts, and still the space", full, factKindEntry, 0, 0, " "},
		{"only what is asked", full, factKindEntry, factSize, 0, "size=13984; "},
		{"what is unknown is left out", Entry{Name: "a", Size: -1, Mode: 0o600}, factKindEntry, all, 0,
			"type=file;perm=;UNIX.mode=0600; "},
		{"times are UTC", with(func(e *Entry) { e.ModTime = e.ModTime.In(time.FixedZone("", 12*3600)) }), factKindEntry, factModify, 0,
			"modify=20260312115107; "},
		{"years of five digits are unknown", with(func(e *Entry) { e.ModTime = e.ModTime.AddDate(9000, 0, 0) }), factKindEntry, factModify, 0, " "},
		{"a folder has no size", with(func(e *Entry) { e.Mode = fs.ModeDir | 0o755 }), factKindEntry, factType | factSize, 0, "type=dir; "},
		{"the listed folder", with(func(e *Entry) { e.Mode = fs.ModeDir | 0o755 }), factKindCdir, factType | factSize | factPerm, PermList, "type=cdir;perm=el; "},
		{"its parent", with(func(e *Entry) { e.Mode = fs.ModeDir | 0o755 }), factKindPdir, factType | factSize | factPerm, PermList, "type=pdir;perm=el; "},
		{"a link", with(func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink|0o777, "/target" }), factKindEntry, factType | factSize, 0,
			"type=OS.unix=slink:/target; "},
		{"a target that would forge a fact", with(func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink, "/a;type=dir" }), factKindEntry, factType, 0,
			"type=OS.unix=slink; "},
		{"a target that would forge a name", with(func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink, "/a b" }), factKindEntry, factType, 0,
			"type=OS.unix=slink; "},
		{"a target that would forge a line", with(func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink, "/a\r\nb" }), factKindEntry, factType, 0,
			"type=OS.unix=slink; "},
		{"a pipe is no file", with(func(e *Entry) { e.Mode = fs.ModeNamedPipe }), factKindEntry, factType | factSize, 0, "type=OS.unix=fifo; "},
		{"a socket is no file", with(func(e *Entry) { e.Mode = fs.ModeSocket }), factKindEntry, factType | factSize, 0, "type=OS.unix=socket; "},
		{"a terminal is no file", with(func(e *Entry) { e.Mode = fs.ModeDevice | fs.ModeCharDevice }), factKindEntry, factType | factSize, 0, "type=OS.unix=chr; "},
		{"a disk is no file", with(func(e *Entry) { e.Mode = fs.ModeDevice }), factKindEntry, factType | factSize, 0, "type=OS.unix=blk; "},
		{"special bits of the mode", with(func(e *Entry) { e.Mode = fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky | 0o751 }), factKindEntry, factUnixMode, 0,
			"UNIX.mode=7751; "},
		{"values that are not values are left out", with(func(e *Entry) { e.Unique, e.Owner, e.Group = "a;b", "a b", "\n" }), factKindEntry,
			factUnique | factUnixOwner | factUnixGroup, 0, " "},
	} {
		t.Run(rule.name, func(t *testing.T) {
			got := appendFacts([]byte("x"), rule.e, rule.kind, rule.facts, rule.allowed)
			assert.Equal(t, "x"+rule.want, string(got))
		})
	}
}

func TestMLSxLine(t *testing.T) {
	e := with(func(e *Entry) { e.Name = "  two spaces" })
	assert.Equal(t, "type=file;   two spaces\r\n", string(appendMLSx(nil, e, factKindEntry, factType, 0)))
	assert.Equal(t, "   two spaces\r\n", string(appendMLSx(nil, e, factKindEntry, 0, 0)))
	assert.Equal(t, "type=cdir;   two spaces\r\n", string(appendMLSx(nil, e, factKindCdir, factType, 0)))
	assert.Empty(t, appendMLSx(nil, e, factKindCdir, factSize, 0), "no cdir where none could tell")
	assert.Empty(t, appendMLSx(nil, e, factKindPdir, factSize, 0), "no pdir where none could tell")
}

func TestPermFact(t *testing.T) {
	for _, rule := range []struct {
		name                  string
		allowed               Perm
		file, folder, special string
	}{
		{"everything", ^Perm(0), "adfrw", "cdeflmp", "df"},
		{"nothing", 0, "", "e", ""},
		{"read only", ^PermWrites, "r", "el", ""},
		{"upload only", ^PermAllButUpload, "", "cem", ""},
		{"append", PermAppend, "a", "e", ""},
		{"delete", PermDelete, "d", "ep", "d"},
		{"overwrite", PermOverwrite, "w", "e", ""},
		{"rename", PermRename, "f", "ef", "f"},
		{"remove folders", PermRmdir, "", "de", ""},
	} {
		t.Run(rule.name, func(t *testing.T) {
			assert.Equal(t, rule.file, string(appendPerm(nil, 0o644, false, rule.allowed)))
			assert.Equal(t, rule.file, string(appendPerm(nil, fs.ModeSymlink, false, rule.allowed)), "a link may lead to a file")
			assert.Equal(t, rule.folder, string(appendPerm(nil, fs.ModeDir, true, rule.allowed)))
			for _, m := range []fs.FileMode{fs.ModeNamedPipe, fs.ModeSocket, fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice, fs.ModeIrregular} {
				assert.Equal(t, rule.special, string(appendPerm(nil, m, false, rule.allowed)), m)
			}
		})
	}
}

func TestFeatMLST(t *testing.T) {
	assert.Equal(t, "MLST type*;size*;modify*;create;perm*;unique*;UNIX.mode*;UNIX.owner;UNIX.group;", featMLST(defaultFacts))
	assert.Equal(t, "MLST type;size;modify;create;perm;unique;UNIX.mode;UNIX.owner;UNIX.group;", featMLST(0))
}

func TestOptsMLST(t *testing.T) {
	for _, rule := range []struct {
		name, arg string
		want      factSet
		reply     string
	}{
		{"some", "type;size;", factType | factSize, "MLST OPTS type;size;"},
		{"none", "", 0, "MLST OPTS"},
		{"names have no case", "TYPE;unix.MODE;", factType | factUnixMode, "MLST OPTS type;UNIX.mode;"},
		{"unknown ones are ignored", "lang;type;x.frogs;charset;", factType, "MLST OPTS type;"},
		{"the last semicolon may miss", "size;create", factSize | factCreate, "MLST OPTS size;create;"},
		{"a space at the end", "perm; ", factPerm, "MLST OPTS perm;"},
		{"what basic-ftp asks for", "type;size;modify;unique;unix.mode;unix.owner;unix.group;unix.ownername;unix.groupname;",
			factType | factSize | factModify | factUnique | factUnixMode | factUnixOwner | factUnixGroup,
			"MLST OPTS type;size;modify;unique;UNIX.mode;UNIX.owner;UNIX.group;"},
	} {
		t.Run(rule.name, func(t *testing.T) {
			got, ok := parseOptsMLST(rule.arg)
			require.True(t, ok)
			assert.Equal(t, rule.want, got)
			assert.Equal(t, rule.reply, optsMLSTReply(got))
		})
	}
	_, ok := parseOptsMLST("unique type;")
	assert.False(t, ok, "a space in the list is a syntax error (RFC 3659, 7.9.2)")
}

func TestListArgs(t *testing.T) {
	for _, rule := range []struct {
		arg   string
		flags listFlags
		path  string
	}{
		{"", 0, ""},
		{"dir", 0, "dir"},
		{"my dir", 0, "my dir"},
		{" dir", 0, " dir"},
		{"dir ", 0, "dir "},
		{"-a", listAll, ""},
		{"-l", listLong, ""},
		{"-al", listAll | listLong, ""},
		{"-la", listAll | listLong, ""},
		{"-aL", listAll, ""},
		{"-alF", listAll | listLong, ""},
		{"-lR", listLong | listRecursive, ""},
		{"-1", listOne, ""},
		{"-ltrSd", listLong | listByTime | listReverse | listBySize | listDir, ""},
		{"-la ", listAll | listLong, ""},
		{"-la dir", listAll | listLong, "dir"},
		{"-la my dir", listAll | listLong, "my dir"},
		{"-la  dir", listAll | listLong, " dir"},
		{"-l -a dir", listAll | listLong, "dir"},
		{"-l -a", listAll | listLong, ""},
		{"--", 0, ""},
		{"-l --", listLong, ""},
		{"-- -a", 0, "-a"},
		{"-l -- -my dir", listLong, "-my dir"},
		{"-", 0, "-"},
		{"-l -", listLong, "-"},
		{"-a.txt", 0, "-a.txt"},
		{"-l -a.txt", listLong, "-a.txt"},
		{"--all", 0, "--all"},
		{"/-a", 0, "/-a"},
		{"*.csv", 0, "*.csv"},
	} {
		t.Run(rule.arg, func(t *testing.T) {
			flags, path := parseListArgs(rule.arg)
			assert.Equal(t, rule.flags, flags)
			assert.Equal(t, rule.path, path)
		})
	}
}

func TestListingsAllocateNothing(t *testing.T) {
	b := make([]byte, 0, 4096)
	zone := time.FixedZone("CET", 3600)
	link := with(func(e *Entry) { e.Mode, e.Target, e.Unique, e.Owner = fs.ModeSymlink|0o777, "/target", "8f1", "a b" })
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for _, e := range []Entry{listFile, link} {
			b = appendListLine(b[:0], e, listNow, zone)
			b = appendName(b, "dir/", e.Name)
			b = appendMLSx(b, e, factKindEntry, ^factSet(0), ^Perm(0))
		}
	}))
}

func listEntries(n int) []Entry {
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = with(func(e *Entry) {
			e.Name = "DSC_" + strconv.Itoa(i) + ".jpeg"
			e.Size = int64(i) * 7919
			e.ModTime = listNow.Add(-time.Duration(i) * time.Hour)
			e.Unique = strconv.FormatInt(int64(i)<<20, 16)
		})
	}
	return entries
}

func BenchmarkListing(b *testing.B) {
	entries := listEntries(10_000)
	zone := time.FixedZone("CET", 3600)
	for _, c := range []struct {
		name string
		line func(b []byte, e Entry) []byte
	}{
		{"LIST", func(b []byte, e Entry) []byte { return appendListLine(b, e, listNow, zone) }},
		{"NLST", func(b []byte, e Entry) []byte { return appendName(b, "dir/", e.Name) }},
		{"MLSD", func(b []byte, e Entry) []byte { return appendMLSx(b, e, factKindEntry, defaultFacts, ^Perm(0)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			buf := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				for _, e := range entries {
					buf = c.line(buf[:0], e)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(entries)), "ns/line")
		})
	}
}
