package paradise_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// What is checked and what is done are one, whoever comes in between. Each command that
// changes something is played under each rule, while another user changes what it is
// about: after the checks, just before the storage acts. acts_rules_test.go has the
// rules, and what may have come of it.

// act is a command, or a sequence of them, that changes something.
type act struct {
	lines   []string // the last is the one that changes
	data    string   // of an upload
	shared  []string // names that the other user changes meanwhile; "?" is what the storage is asked for
	resumes int      // bytes of an old file that an upload keeps
	tree    bool     // a refusal may come in the middle of it
	device  bool     // only with the concessions to devices
	content bool     // is about what files hold: not played for each permission
}

func (a act) String() string { return fmt.Sprintf("%s (%.12q)", strings.Join(a.lines, ", "), a.data) }

func (a act) verb() string { return verbOf(a.lines[len(a.lines)-1]) }

// verbOf is the row of the command table that a line has.
func verbOf(line string) string {
	f := strings.Fields(line)
	if f[0] == "SITE" {
		return f[0] + " " + f[1]
	}
	return f[0]
}

// Contents are text, but for those that rules are about.
const (
	ours    = "ours, a text\n"
	oldText = "old text, of many words\n"
	theirs  = "theirs, another text that goes on behind the old one\n"
	most    = 1000 // Policy.MaxFileSize, where it is set
)

var (
	large    = strings.Repeat("many words ", most/11-1) // with more of it it is too much
	tooLarge = strings.Repeat("too many words ", most/15+1)
)

// shelf is what each act finds.
func shelf() *memfs.FS {
	files := memfs.New()
	for name, content := range map[string]string{
		"/taken.txt": oldText, "/large.txt": large, "/src.txt": "source, a text\n", "/src.bin": exe, "/huge.txt": tooLarge,
		"/src.png": png, "/none.txt": "", "/p1.txt": "part one, ", "/p2.txt": "part two\n", "/m.bin": "M", "/z.bin": exe[1:], "/z.txt": exe[1:],
		"/tree/a.txt": "in the tree\n", "/tree/sub/b.txt": "deep in the tree\n", "/dir/c.txt": "in a folder\n",
	} {
		files.Put(name, []byte(content))
	}
	files.Put("/empty/", nil)
	return files
}

// actsOf are the acts of the whole table.
func actsOf() []act {
	var all []act
	add := func(a act) { all = append(all, a) }
	for _, verb := range []string{"STOR", "APPE"} {
		for _, name := range []string{"taken.txt", "free.txt", "free.sh"} {
			add(act{lines: []string{verb + " " + name}, data: ours, shared: []string{"/" + name}})
		}
		for _, data := range []string{exe, tooLarge, "", large} {
			add(act{lines: []string{verb + " free.txt"}, data: data, shared: []string{"/free.txt"}, content: true})
		}
		add(act{lines: []string{verb + " large.txt"}, data: large, shared: []string{"/large.txt"}, content: true})
		add(act{lines: []string{verb + " m.bin"}, data: exe[1:], shared: []string{"/m.bin"}, content: true})
		add(act{lines: []string{verb + " new/folder/free.txt"}, data: ours, shared: []string{"/new/folder/free.txt"}, device: true})
		add(act{lines: []string{verb + " new/folder/free.sh"}, data: ours, shared: []string{"/new/folder/free.sh"}, device: true})
		add(act{lines: []string{verb + " taken.txt"}, data: ours, shared: []string{"/taken.txt", "?"}, device: true})
	}
	for _, verb := range []string{"STOR", "APPE"} {
		add(act{lines: []string{"REST 4", verb + " taken.txt"}, data: ours, shared: []string{"/taken.txt"}, resumes: 4})
	}
	end := len(oldText)
	add(act{lines: []string{fmt.Sprint("REST ", end), "STOR taken.txt"}, data: ours, shared: []string{"/taken.txt"}, resumes: end})
	add(act{lines: []string{"REST 1", "STOR m.bin"}, data: exe[1:], shared: []string{"/m.bin"}, resumes: 1, content: true})
	add(act{lines: []string{"STOU free.txt"}, data: ours, shared: []string{"?"}})
	add(act{lines: []string{"STOU free.sh"}, data: ours, shared: []string{"?"}})
	add(act{lines: []string{"STOU"}, data: exe, shared: []string{"?"}, content: true})

	add(act{lines: []string{"DELE taken.txt"}, shared: []string{"/taken.txt"}})
	for _, verb := range []string{"MKD", "XMKD", "SITE MKDIR"} {
		add(act{lines: []string{verb + " free"}, shared: []string{"/free"}})
		add(act{lines: []string{verb + " new/folder"}, shared: []string{"/new/folder"}, device: true})
	}
	for _, verb := range []string{"RMD", "XRMD", "SITE RMDIR"} {
		add(act{lines: []string{verb + " empty"}, shared: []string{"/empty"}})
		add(act{lines: []string{verb + " -r tree"}, shared: []string{"/tree", "/tree/a.txt", "/tree/sub"}, tree: true})
	}
	add(act{lines: []string{"RMDA tree"}, shared: []string{"/tree", "/tree/a.txt", "/tree/sub"}, tree: true})

	for _, m := range [][2]string{
		{"src.txt", "free.txt"}, {"src.txt", "taken.txt"}, {"src.txt", "free.sh"}, {"src.png", "free.png"}, {"src.bin", "free.png"},
		{"dir", "free"}, {"dir", "free.sh"}, {"dir", "free.png"}, {"dir", "taken.txt"}, {"dir", "empty"},
	} {
		both := []string{"/" + m[0], "/" + m[1]}
		add(act{lines: []string{"RNFR " + m[0], "RNTO " + m[1]}, shared: both})
	}
	for _, m := range [][2]string{
		{"src.txt", "free.txt"}, {"src.txt", "taken.txt"}, {"src.txt", "free.sh"},
		{"src.bin", "free.txt"}, {"src.bin", "free.png"}, {"none.txt", "free.txt"}, {"huge.txt", "free.txt"},
	} {
		both, content := []string{"/" + m[0], "/" + m[1]}, m[0] != "src.txt"
		add(act{lines: []string{"SITE COPY " + m[0] + " " + m[1]}, shared: both, content: content})
		add(act{lines: []string{"SITE CPFR " + m[0], "SITE CPTO " + m[1]}, shared: both, content: content})
	}
	for _, names := range []string{"free.txt p1.txt p2.txt", "taken.txt p1.txt p2.txt", "free.sh p1.txt", "large.txt p1.txt p2.txt",
		"free.txt m.bin z.bin", "m.bin z.bin", "m.bin z.txt", "free.txt none.txt", "free.txt huge.txt", "free.png p1.txt"} {
		var shared []string
		for _, name := range strings.Fields(names) {
			shared = append(shared, "/"+name)
		}
		add(act{lines: []string{"COMB " + names}, shared: shared, content: !strings.Contains(names, "p1.txt")})
	}
	for _, line := range []string{"MFMT 20200102030405 taken.txt", "MFCT 20200102030405 taken.txt", "MDTM 20200102030405 taken.txt",
		"MFF modify=20200102030405; taken.txt", "MFF unix.mode=600; taken.txt", "MFF create=20200102030405;unix.mode=600; taken.txt",
		"SITE CHMOD 600 taken.txt", "SITE UTIME 20200102030405 taken.txt"} {
		add(act{lines: []string{line}, shared: []string{"/taken.txt"}})
	}
	return all
}

// changesNothing are the other rows of the command table.
var changesNothing = strings.Fields(`ABOR ACCT ADAT ALLO AUTH AVBL CCC CDUP CLNT CONF CSID CWD ENC EPRT EPSV FEAT HASH HELP HOST LANG LIST LPRT LPSV
	MD5 MIC MLSD MLST MODE NLST NOOP OPTS PASS PASV PBSZ PORT PRET PROT PWD QUIT RANG REIN RETR SIZE SMNT STAT STRU SYST TYPE USER
	XCRC XCUP XCWD XMD5 XPWD XSHA XSHA1 XSHA256 XSHA512 SPSV SITE`)

var siteChangesNothing = strings.Fields(`EXPECT HELP IDLE UMASK WHO`)

// The table says what changes something: a row without an act here, and not among the
// others, is a rule that nobody holds.
func TestEachVerbThatChangesSomethingHasItsActs(t *testing.T) {
	played := make(map[string]bool)
	for _, a := range actsOf() {
		for _, line := range a.lines {
			played[verbOf(line)] = true
		}
	}
	others := slices.Clone(changesNothing)
	for _, name := range siteChangesNothing {
		others = append(others, "SITE "+name)
	}
	for name, perm := range paradise.TableVerbs() {
		quiet := slices.Contains(others, name)
		assert.True(t, played[name] || quiet, "%s has no act", name)
		assert.False(t, quiet && perm&paradise.PermWrites != 0, "%s needs a permission to change something", name)
	}
	for _, name := range others {
		_, known := paradise.TableVerbs()[name]
		assert.True(t, known, "%s is no row", name)
	}
	untouched(t, others)
}

// untouched gives each of these verbs names to work on: nothing may come of it.
func untouched(t *testing.T, verbs []string) {
	m := &meddler{passed: make(map[moment]bool)}
	inMemory(t, func(srv *paradise.Server) { srv.Auth = withFiles{m} }, func(w *world) {
		m.FS = shelf()
		for _, verb := range verbs {
			if verb == "PASS" || verb == "QUIT" || verb == "USER" || verb == "REIN" {
				continue
			}
			for _, arg := range []string{"", "taken.txt", "taken.txt free.txt", "600 taken.txt", "20200102030405 taken.txt"} {
				c := w.login()
				c.epsv()
				before := snapshotOf(m.FS)
				c.send("%s", strings.TrimSpace(verb+" "+arg))
				c.conn.CloseWrite()
				io.Copy(io.Discard, c.r)
				c.conn.Close()
				assert.Equal(t, before, snapshotOf(m.FS), "%s %s", verb, arg)
				assert.Empty(t, m.calls, "%s %s", verb, arg)
			}
		}
	})
}

// moment is where the other user comes in.
type moment int

const (
	never     moment = iota
	atStore          // the checks are over, an upload is prepared
	atTheAct         // the upload, or whatever it is, is about to be published
	atTheWord        // the core has let the result in
)

func (m moment) String() string {
	return [...]string{"nobody", "at Store", "at the act", "once it was accepted"}[m]
}

// meddler is storage in which another user changes something at a moment of one
// command.
type meddler struct {
	*memfs.FS
	without paradise.Features
	noCopy  bool

	when   moment
	passed map[moment]bool
	change func(files *memfs.FS, asked string)
	after  snapshot // what the other user has left
	calls  []string // that change something
}

func (m *meddler) Features(s *paradise.Session) paradise.Features {
	return m.FS.Features(s) &^ m.without
}

// reach is called at each moment.
func (m *meddler) reach(at moment, call, asked string) {
	m.passed[at] = true
	if call != "" {
		m.calls = append(m.calls, call)
	}
	if at == m.when && m.change != nil {
		change := m.change
		m.change = nil
		change(m.FS, asked)
		m.after = snapshotOf(m.FS)
	}
}

func (m *meddler) accept(name string, ask func([]byte, int64) error) func([]byte, int64) error {
	if ask == nil {
		return nil
	}
	return func(head []byte, size int64) error {
		err := ask(head, size)
		if err == nil {
			m.reach(atTheWord, "", name)
		}
		return err
	}
}

func (m *meddler) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	m.reach(atStore, "Store", name)
	o.Accept = m.accept(name, o.Accept)
	up, err := m.FS.Store(ctx, s, name, o)
	if err != nil {
		return nil, err
	}
	return &meddledUpload{up, m, name}, nil
}

type meddledUpload struct {
	paradise.Upload
	m    *meddler
	name string
}

func (u *meddledUpload) Commit(ctx context.Context) error {
	u.m.reach(atTheAct, "Commit", u.name)
	return u.Upload.Commit(ctx)
}

func (m *meddler) Mkdir(ctx context.Context, s *paradise.Session, name string) error {
	m.reach(atTheAct, "Mkdir", name)
	return m.FS.Mkdir(ctx, s, name)
}

func (m *meddler) Remove(ctx context.Context, s *paradise.Session, name string) error {
	m.reach(atTheAct, "Remove", name)
	return m.FS.Remove(ctx, s, name)
}

func (m *meddler) RemoveDir(ctx context.Context, s *paradise.Session, name string) error {
	m.reach(atTheAct, "RemoveDir", name)
	return m.FS.RemoveDir(ctx, s, name)
}

func (m *meddler) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	m.reach(atTheAct, "Rename", to)
	return m.FS.Rename(ctx, s, from, to, o)
}

func (m *meddler) Copy(ctx context.Context, s *paradise.Session, from, to string, o paradise.CopyOptions) error {
	if m.noCopy {
		return errors.ErrUnsupported
	}
	m.reach(atTheAct, "Copy", to)
	o.Accept = m.accept(to, o.Accept)
	return m.FS.Copy(ctx, s, from, to, o)
}

func (m *meddler) SetAttr(ctx context.Context, s *paradise.Session, name string, a paradise.Attr) error {
	m.reach(atTheAct, "SetAttr", name)
	return m.FS.SetAttr(ctx, s, name, a)
}

// meddlings are the ways in which another user may change a name. They leave what the
// name is, or make it a file with this content, or a folder.
func meddlings(contents []string) map[string]func(files *memfs.FS, name string) {
	all := map[string]func(*memfs.FS, string){
		"gone": vacate,
		"a folder": func(files *memfs.FS, name string) {
			vacate(files, name)
			files.Put(name+"/", nil)
		},
		"a full folder": func(files *memfs.FS, name string) {
			vacate(files, name)
			files.Put(name+"/theirs.txt", []byte(theirs))
		},
	}
	for _, content := range contents {
		all[fmt.Sprintf("a file %.8q", content)] = func(files *memfs.FS, name string) {
			vacate(files, name)
			files.Put(name, []byte(content))
		}
		all[fmt.Sprintf("written %.8q", content)] = func(files *memfs.FS, name string) {
			if _, err := files.Get(name); err == nil {
				files.Put(name, []byte(content))
			}
		}
	}
	return all
}

// vacate removes what has a name.
func vacate(files *memfs.FS, name string) {
	all := slices.Sorted(maps.Keys(snapshotOf(files)))
	for _, gone := range slices.Backward(all) {
		if gone != name && !strings.HasPrefix(gone, name+"/") {
			continue
		}
		if files.Remove(context.Background(), nil, gone) != nil {
			files.RemoveDir(context.Background(), nil, gone)
		}
	}
}

// play gives the lines of an act; false: it was refused.
func (c *client) play(a act) bool {
	for _, line := range a.lines[:len(a.lines)-1] {
		c.send("%s", line)
		if c.expectAny()[0] > '3' {
			return false
		}
	}
	last := a.lines[len(a.lines)-1]
	switch a.verb() {
	case "STOR", "APPE", "STOU":
		d := c.w.data(clientAddr, c.epsv())
		defer d.Close()
		c.send("%s", last)
		if c.expectAny()[0] != '1' {
			return false
		}
		io.WriteString(d, a.data)
		d.Close()
	default:
		c.send("%s", last)
	}
	return c.expectAny()[0] == '2'
}

// seen is what a name has.
type seen struct {
	dir     bool
	id      string
	content string
	mode    string
	times   string
}

// snapshot is all that there is, by name.
type snapshot map[string]seen

func snapshotOf(files *memfs.FS) snapshot {
	s := make(snapshot)
	s.add(files, "/")
	return s
}

func (s snapshot) add(files *memfs.FS, dir string) {
	l, err := files.List(context.Background(), nil, dir)
	if err != nil {
		panic(err)
	}
	for e, err := range l {
		if err != nil {
			panic(err)
		}
		name := path.Join(dir, e.Name)
		it := seen{dir: e.IsDir(), id: e.Unique}
		if e.IsDir() {
			s.add(files, name)
		} else {
			b, _ := files.Get(name)
			it.content, it.mode, it.times = string(bytes.Clone(b)), e.Mode.String(), fmt.Sprint(e.ModTime.UnixNano(), e.Created.UnixNano())
		}
		s[name] = it
	}
}

func TestWhatIsCheckedIsWhatIsDone(t *testing.T) {
	for _, rule := range actRules() {
		for _, device := range []bool{false, true} {
			if device && rule.contents != nil {
				continue
			}
			name := rule.name
			if device {
				name += ", for devices"
			}
			t.Run(name, func(t *testing.T) { rule.play(t, device) })
		}
	}
}

func (rule *actRule) play(t *testing.T, device bool) {
	m := &meddler{FS: shelf()}
	runs, refused := 0, 0
	inMemory(t, func(srv *paradise.Server) {
		srv.Auth = withFiles{m}
		srv.Policy.LostControlWait = -1
		srv.Policy.GrantTree = true
		srv.Policy.Device.MakeParents, srv.Policy.Device.RenameUploads, srv.Policy.Device.MkdExistingOK = device, device, device
		rule.set(srv)
	}, func(w *world) {
		c := w.login()
		for _, a := range actsOf() {
			if !rule.plays(a, device) {
				continue
			}
			n, done := rule.playAct(t, m, c, a)
			if runs += n; !done {
				refused++
			}
		}
		c.quit()
	})
	t.Logf("%d runs", runs)
	const quiet = paradise.PermList | paradise.PermSite
	if !device && rule.name != noRule && (rule.deny == 0 || rule.deny&^quiet != 0) {
		require.NotZero(t, refused, "nothing shows what the rule is for")
	}
}

// plays reports whether an act has to do with a rule, and with the concessions to
// devices: those are about uploads and new folders.
func (rule *actRule) plays(a act, device bool) bool {
	if device && !strings.Contains("STOR APPE STOU MKD XMKD SITE MKDIR", a.verb()) || a.device && !device {
		return false
	}
	return !a.content || rule.contents != nil || rule.name == noRule
}

// playAct plays an act with every meddling at every moment, in each kind of storage.
// done says that it was not refused where nobody came in between.
func (rule *actRule) playAct(t *testing.T, m *meddler, c *client, a act) (runs int, done bool) {
	contents := append([]string{theirs}, rule.contents...)
	type storage struct {
		without paradise.Features
		noCopy  bool
	}
	storages := []storage{{}}
	switch a.verb() {
	case "SITE COPY", "SITE CPTO":
		storages = append(storages, storage{noCopy: true})
	case "COMB":
		storages = append(storages, storage{without: paradise.FeatureAppend})
	}
	for _, s := range storages {
		m.without, m.noCopy = s.without, s.noCopy
		m.passed = make(map[moment]bool)
		done = rule.playOnce(t, m, c, a, never, "", "", nil)
		passed := maps.Clone(m.passed)
		if rule.name == noRule && !a.mayFail() {
			require.True(t, done, "%s: refused for nothing", a)
			require.NotEmpty(t, passed, "%s: nobody can come in between", a)
		}
		for _, name := range a.shared {
			for how, change := range meddlings(contents) {
				for when := range passed {
					runs++
					rule.playOnce(t, m, c, a, when, name, how, change)
				}
			}
		}
	}
	return runs, done
}

func (rule *actRule) playOnce(t *testing.T, m *meddler, c *client, a act, when moment, name, how string, change func(*memfs.FS, string)) bool {
	m.FS, m.when, m.calls, m.change = shelf(), when, nil, nil
	m.after = snapshotOf(m.FS)
	if change != nil {
		m.change = func(files *memfs.FS, asked string) {
			if name != "?" {
				asked = name
			}
			if parent := path.Dir(asked); parent == "/" || m.after[parent].dir || files.Mkdir(t.Context(), nil, parent) == nil {
				change(files, asked)
			}
		}
	}
	done := c.play(a)
	o := &outcome{rule: rule, act: a, before: m.after, after: snapshotOf(m.FS), done: done, calls: m.calls}
	if wrongs := o.wrongs(); len(wrongs) > 0 {
		t.Errorf("%s, done: %t; %s: %q becomes %s: %s", a, done, when, name, how, strings.Join(wrongs, "; "))
	}
	return done
}

// mayFail is for acts that no storage can do.
func (a act) mayFail() bool {
	last := a.lines[len(a.lines)-1]
	return a.lines[0] == "RNFR dir" && (last == "RNTO taken.txt" || last == "RNTO empty")
}
