package paradise_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/paradiseftp/paradise"
)

// actRule is a rule that acts are played under.
type actRule struct {
	name     string
	set      func(srv *paradise.Server)
	deny     paradise.Perm
	contents []string                          // that it is about, of files
	refuses  func(name, content string) string // why a file must not be published, or ""
	renames  func(base, content string) string // why a file must not get a name, or ""
	never    bool                              // it refuses all
}

// noRule is a rule that refuses nothing.
const noRule = "nothing"

const exeType = "application/vnd.microsoft.portable-executable"

var actPerms = map[string]paradise.Perm{
	"List": paradise.PermList, "Read": paradise.PermRead, "Create": paradise.PermCreate, "Overwrite": paradise.PermOverwrite,
	"Append": paradise.PermAppend, "Delete": paradise.PermDelete, "Rename": paradise.PermRename, "Mkdir": paradise.PermMkdir,
	"Rmdir": paradise.PermRmdir, "Chmod": paradise.PermChmod, "Times": paradise.PermTimes, "Site": paradise.PermSite,
	"Create and Append": paradise.PermCreate | paradise.PermAppend, "Overwrite and Append": paradise.PermOverwrite | paradise.PermAppend,
	"Create and Overwrite": paradise.PermCreate | paradise.PermOverwrite,
	"upload only":          paradise.PermAllButUpload, "read only": paradise.PermWrites,
}

// Types as the rules of these tests know them, by other means than the server's.
func isExe(content string) bool { return strings.HasPrefix(content, "MZ") }
func isText(content string) bool {
	return !isExe(content) && !strings.ContainsRune(content[:min(len(content), 512)], 0)
}

func fitsExtension(name, content string) bool {
	switch path.Ext(name) {
	case ".txt":
		return isText(content)
	case ".png":
		return strings.HasPrefix(content, "\x89PNG") || content == ""
	}
	return true
}

func actRules() []*actRule {
	fine := func(string, string) string { return "" }
	rules := []*actRule{{name: noRule}}
	for _, name := range slices.Sorted(maps.Keys(actPerms)) {
		rules = append(rules, &actRule{name: "without " + name, deny: actPerms[name]})
	}
	gate := func(name string, g paradise.Gate, content string, wrong func(name, content string) bool) {
		r := &actRule{name: "gate: " + name, contents: []string{content}, set: func(srv *paradise.Server) { srv.Policy.Gate = g }}
		r.refuses = func(file, content string) string {
			if wrong(file, content) {
				return "the gate forbids it: " + name
			}
			return ""
		}
		if name == "MatchExtension" || strings.HasSuffix(name, "Names") {
			r.renames = r.refuses
		}
		rules = append(rules, r)
	}
	gate("Allow", paradise.Gate{Allow: []string{"text/*"}}, exe, func(_, content string) bool { return content != "" && !isText(content) })
	gate("Deny", paradise.Gate{Deny: []string{exeType}}, exe, func(_, content string) bool { return isExe(content) })
	gate("RefuseEmpty", paradise.Gate{RefuseEmpty: true}, "", func(_, content string) bool { return content == "" })
	gate("MatchExtension", paradise.Gate{MatchExtension: true}, exe, func(name, content string) bool { return !fitsExtension(name, content) })
	gate("Names", paradise.Gate{Names: []string{"*.txt*", "*.bin", "*.png", "ftp.*"}}, exe, func(name, _ string) bool {
		return strings.Contains(name, "free.sh")
	})
	gate("DenyNames", paradise.Gate{DenyNames: []string{"*.sh*"}}, exe, func(name, _ string) bool { return strings.Contains(name, "free.sh") })
	rules = append(rules,
		&actRule{name: "MaxFileSize", contents: []string{tooLarge}, set: func(srv *paradise.Server) { srv.Policy.MaxFileSize = most },
			refuses: func(_, content string) string {
				if len(content) > most {
					return "it is too large"
				}
				return ""
			}},
		&actRule{name: "AcceptUpload", contents: []string{exe}, set: acceptNoExe, refuses: func(_, content string) string {
			if isExe(content) {
				return "the host program does not accept it"
			}
			return ""
		}},
		&actRule{name: "Before", never: true, set: func(srv *paradise.Server) {
			srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, verb, arg string) error {
				switch verb {
				case "USER", "PASS", "EPSV", "QUIT", "REST", "RNFR":
					return nil
				}
				return errors.New("no")
			}
		}},
	)
	for _, r := range rules {
		if r.refuses == nil {
			r.refuses = fine
		}
		if r.renames == nil {
			r.renames = fine
		}
		if r.set == nil {
			r.set = func(srv *paradise.Server) { srv.Policy.Deny = r.deny }
		}
	}
	return rules
}

func acceptNoExe(srv *paradise.Server) {
	srv.AcceptUpload = func(_ context.Context, _ *paradise.Session, _ string, info paradise.UploadInfo) error {
		if info.ContentType == exeType || bytes.HasPrefix(info.Head, []byte("MZ")) {
			return errors.New("no programs")
		}
		return nil
	}
}

// outcome is what came of an act. before is what the other user has left.
type outcome struct {
	rule          *actRule
	act           act
	before, after snapshot
	done          bool
	calls         []string
	found         []string
}

func (o *outcome) wrong(format string, args ...any) {
	o.found = append(o.found, fmt.Sprintf(format, args...))
}

// needs holds a change against the permission for it.
func (o *outcome) needs(perm paradise.Perm, what, name string) {
	if o.rule.deny&perm != 0 {
		o.wrong("%s was %s", name, what)
	}
}

// wrongs is what must not have come of it.
func (o *outcome) wrongs() []string {
	if o.rule.never && (o.done || len(o.calls) > 0) {
		o.wrong("the hook refused it, and the storage was asked: %v", o.calls)
	}
	if o.refusedByName() && len(o.calls) > 0 {
		o.wrong("the gate forbids the name, and the storage was asked: %v", o.calls)
	}
	for name, now := range o.after {
		old, was := o.before[name]
		if !o.done && old != now {
			o.wrong("refused, but %s was changed", name)
		}
		switch {
		case !was || old.id != now.id:
			o.came(name, now)
		case old.dir:
		case old.content != now.content:
			o.changed(name, old, now)
		case old.mode != now.mode:
			o.needs(paradise.PermChmod, "given another mode", name)
		case old.times != now.times:
			o.needs(paradise.PermTimes, "given another time", name)
		}
	}
	for name, old := range o.before {
		if o.after[name].id != old.id {
			if !o.done && !o.act.tree {
				o.wrong("refused, but %s is another one, or gone", name)
			}
			o.went(name, old)
		}
	}
	return o.found
}

// refusedByName reports whether the command could be refused without a look at a file.
func (o *outcome) refusedByName() bool {
	last := o.act.lines[len(o.act.lines)-1]
	return strings.HasSuffix(o.rule.name, "Names") && strings.Contains(last, " free.sh") &&
		slices.Contains([]string{"COMB", "SITE COPY", "SITE CPTO"}, o.act.verb())
}

// came is for a name that has another file or folder than before, or had none.
func (o *outcome) came(name string, now seen) {
	from := nameOf(o.before, now.id)
	switch {
	case from != "":
		o.needs(paradise.PermRename, "moved here", name)
		if path.Base(from) != path.Base(name) && !now.dir {
			if why := o.rule.renames(name, now.content); why != "" {
				o.wrong("%s got its name: %s", name, why)
			}
		}
	case now.dir:
		o.needs(paradise.PermMkdir, "made", name)
	default:
		o.needs(paradise.PermCreate, "created", name)
		o.published(name, now)
	}
}

func (o *outcome) published(name string, now seen) {
	if why := o.rule.refuses(name, now.content); why != "" {
		o.wrong("%s was published: %s", name, why)
	}
}

// changed is for a file whose content is another one.
func (o *outcome) changed(name string, old, now seen) {
	kept := min(o.act.resumes, len(old.content))
	adds := o.act.verb() == "APPE" || o.act.verb() == "COMB"
	switch {
	case o.act.resumes > 0 && now.content == old.content[:kept]+o.act.data:
		o.needs(paradise.PermAppend, "resumed", name)
		if kept < len(old.content) {
			o.needs(paradise.PermOverwrite, "cut off", name)
		}
	case strings.HasPrefix(now.content, old.content) && (old.content != "" || adds):
		o.needs(paradise.PermAppend, "appended to", name)
	default:
		o.needs(paradise.PermOverwrite, "replaced", name)
	}
	o.published(name, now)
}

// went is for what a name has no more.
func (o *outcome) went(name string, old seen) {
	now, taken := o.after[name]
	switch {
	case nameOf(o.after, old.id) != "":
		o.needs(paradise.PermRename, "moved away", name)
	case old.dir:
		o.needs(paradise.PermRmdir, "removed", name)
	case taken && !now.dir:
		o.needs(paradise.PermOverwrite, "replaced", name)
	default:
		o.needs(paradise.PermDelete, "removed", name)
	}
	if o.act.verb() == "COMB" {
		joined := o.after["/"+strings.Fields(o.act.lines[0])[1]]
		if !strings.Contains(joined.content, old.content) {
			o.wrong("%s is lost: it was not joined", name)
		}
	}
}

// nameOf is where a file or folder is; "" if it is nowhere.
func nameOf(s snapshot, id string) string {
	for name, it := range s {
		if it.id == id {
			return name
		}
	}
	return ""
}
