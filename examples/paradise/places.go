package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/paradiseftp/paradise"
)

// checkListeners refuses equal addresses, and addresses that need accounts if there are
// none.
func (cfg *config) checkListeners() error {
	all := cfg.listeners()
	for i, l := range all {
		for _, other := range all[:i] {
			switch {
			case !collide(other.addr, l.addr):
			case other.addr == l.addr:
				return fmt.Errorf("-%s and -%s are both %s: give each a port of its own", other.flag, l.flag, l.addr)
			default:
				return fmt.Errorf("-%s is %s and -%s %s, which is one port twice: give each a port of its own", other.flag, other.addr, l.flag, l.addr)
			}
		}
	}
	return cfg.checkDefaultListeners()
}

// files returns the settings that name a file, or a folder of secrets. It finds them by
// their usage, which calls the value a file or a folder. None of them may be where clients
// could read or change it.
func (cfg *config) files() map[string]string {
	found := make(map[string]string)
	cfg.set.VisitAll(func(f *flag.Flag) {
		kind, _ := flag.UnquoteUsage(f)
		unused := f.Name == "root" || f.Name == "acme-cache" && cfg.acme.domains == ""
		if (kind == "file" || kind == "folder") && f.Value.String() != "" && !unused {
			found[f.Name] = f.Value.String()
		}
	})
	if cfg.onUpload.url != "" && cfg.onUpload.journal == "" {
		found["journal"] = cfg.journalFile()
	}
	return found
}

// checkPlaces refuses files of the server inside a folder that is served.
func (cfg *config) checkPlaces() error {
	served := map[string]string{"-root": cfg.root}
	for name, a := range cfg.accounts {
		if filepath.IsAbs(a.Home) {
			served[fmt.Sprintf("the home of account %q", name)] = a.Home
		}
	}
	files := cfg.files()
	for _, flag := range sortedKeys(files) {
		for _, place := range sortedKeys(served) {
			inside, err := below(served[place], files[flag])
			if err != nil {
				return fmt.Errorf("-%s: %w", flag, err)
			}
			if inside {
				return fmt.Errorf("-%s lies below %s, where clients could read or change it: name one elsewhere than %s", flag,
					place, files[flag])
			}
		}
	}
	return nil
}

// checkFolders refuses files that cannot be created because their folder is missing.
func (cfg *config) checkFolders() error {
	files := cfg.files()
	for _, flag := range []string{"journal", "xferlog"} {
		if name, given := files[flag]; given && folderless(name) {
			return fmt.Errorf("-%s: the folder of %s does not exist: make it, or name a file elsewhere", flag, name)
		}
	}
	return nil
}

func folderless(file string) bool {
	_, err := os.Stat(filepath.Dir(file))
	return errors.Is(err, fs.ErrNotExist)
}

// below reports whether a file is inside a folder, at any depth, by its path or through
// symbolic links on the way. Neither of them need exist.
func below(folder, file string) (bool, error) {
	folder, err1 := filepath.Abs(folder)
	file, err2 := filepath.Abs(file)
	if err := errors.Join(err1, err2); err != nil {
		return false, err
	}
	if rel, err := filepath.Rel(folder, file); err == nil && filepath.IsLocal(rel) {
		return true, nil
	}
	top, err := os.Stat(folder)
	if err != nil {
		return false, nil // the folder will be created, and has no content yet
	}
	for dir := followed(file); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && os.SameFile(info, top) {
			return true, nil
		}
		if dir == filepath.Dir(dir) {
			return false, nil
		}
	}
}

// followed returns a path with symbolic links resolved, as far as it exists.
func followed(file string) string {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		return real
	}
	dir := filepath.Dir(file)
	if dir == file {
		return file
	}
	return filepath.Join(followed(dir), filepath.Base(file))
}

// warnings describes settings that work, but most likely not as intended. Each text says
// what to change.
func (d *directory) warnings(cfg *config) []string {
	var found []string
	if !cfg.namesAccounts() && cfg.configFile != "" {
		found = append(found,
			"the file of -config names no account: auser, whose password all know, is let in from this machine; "+giveAccounts)
	}
	if err := ended(cfg.text); err != nil {
		found = append(found, fmt.Sprintf("%s: %v", cfg.configFile, err))
	}
	if cfg.pidFile != "" && folderless(cfg.pidFile) { // a service manager may make it with the start
		found = append(found, fmt.Sprintf("-pid-file: the folder of %s does not exist: without it the server will not start", cfg.pidFile))
	}
	for _, name := range cfg.traceUsers {
		if d.accounts[name] == nil && d.service == nil {
			found = append(found, fmt.Sprintf("-trace-user: there is no account %q: use the name of one, or leave it out", name))
		}
	}
	if names := d.homeless(cfg); len(names) > 0 {
		found = append(found, fmt.Sprintf("%s: without a home of their own these see all homes below -root: give each a line home = \"...\", or set own-homes",
			strings.Join(names, ", ")))
	}
	folders := make(map[string]bool)
	for _, name := range sortedKeys(d.accounts) {
		a := d.accounts[name]
		if a.user.Policy.Deny&paradise.PermCreate == 0 {
			folders[folderOf(cfg.root, a.Home)] = true
		}
	}
	if d.service != nil {
		folders[folderOf(cfg.root, "")] = true
	}
	for _, folder := range sortedKeys(folders) {
		if err := writable(folder); err != nil {
			found = append(found,
				fmt.Sprintf("%s: %v: uploads to it will be refused; give the user that the server runs as the right to write there",
					folder, err))
		}
	}
	return found
}

// namesShown bounds the number of names in a warning.
const namesShown = 10

// homeless returns the accounts that see the homes of others.
func (d *directory) homeless(cfg *config) []string {
	if cfg.ownHomes {
		return nil
	}
	var names []string
	others := false
	for _, name := range sortedKeys(d.accounts) {
		home := d.accounts[name].Home
		if home == "" {
			names = append(names, name)
			continue
		}
		inside, err := below(cfg.root, folderOf(cfg.root, home))
		others = others || err == nil && inside
	}
	if !others {
		return nil
	}
	if d.service != nil {
		names = append(names, "the users of -auth-url")
	}
	if more := len(names) - namesShown; more > 0 {
		names = append(slices.Clone(names[:namesShown]), fmt.Sprintf("and %d more", more))
	}
	return names
}

// folderOf returns the path of an account's home.
func folderOf(root, home string) string {
	if filepath.IsAbs(home) {
		return filepath.Clean(home)
	}
	return filepath.Join(root, home)
}

// errNotWritable is the error of writable for a folder that refuses new files.
var errNotWritable = fmt.Errorf("is not writable: %w", fs.ErrPermission)
