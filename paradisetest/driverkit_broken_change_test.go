package paradisetest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"testing"

	"github.com/paradiseftp/paradise"
)

func changeMistakes() []mistake {
	nothing := func(string) error { return nil }
	removesTree := func(b *bent) func(string) error {
		return func(name string) error {
			if err := b.FS.Remove(bg, tester, name); !errors.Is(err, paradise.ErrIsDir) {
				return err
			}
			return b.FS.Rename(bg, tester, name, "/trash", paradise.RenameOptions{})
		}
	}
	return []mistake{
		{"remove-file", "nothing is removed", func(_ testing.TB, b *bent) { b.remove = nothing }},
		{"remove-folder", "folders are removed too", func(_ testing.TB, b *bent) { b.remove = removesTree(b) }},
		{"removedir-empty", "nothing is removed", func(_ testing.TB, b *bent) { b.removeDir = nothing }},
		{"removedir-full", "the whole tree is removed", func(_ testing.TB, b *bent) { b.removeDir = removesTree(b) }},
		{"removedir-file", "files are removed too", func(_ testing.TB, b *bent) { b.removeDir = removesTree(b) }},
		{"removedir-root", "the root is removed", func(_ testing.TB, b *bent) { b.removeDir = nothing }},
		{"rename-file", "the old name stays", func(_ testing.TB, b *bent) {
			b.rename = func(from, to string) error { return b.FS.Copy(bg, tester, from, to, paradise.CopyOptions{}) }
		}},
		{"rename-folder", "folders are not moved", func(_ testing.TB, b *bent) {
			b.rename = func(string, string) error { return paradise.ErrIsDir }
		}},
		{"rename-replaces-file", "a file is in the way", func(_ testing.TB, b *bent) {
			b.rename = func(from, to string) error {
				if _, err := b.FS.Stat(bg, tester, to); err == nil {
					return fs.ErrExist
				}
				return b.FS.Rename(bg, tester, from, to, paradise.RenameOptions{})
			}
		}},
		{"rename-never-replaces-folder", "an empty folder is replaced", func(_ testing.TB, b *bent) {
			b.rename = func(from, to string) error {
				_ = b.FS.RemoveDir(bg, tester, to)
				return b.FS.Rename(bg, tester, from, to, paradise.RenameOptions{})
			}
		}},
		{"rename-missing", "the target is removed first", func(_ testing.TB, b *bent) {
			b.rename = func(from, to string) error {
				_ = b.FS.Remove(bg, tester, to)
				return b.FS.Rename(bg, tester, from, to, paradise.RenameOptions{})
			}
		}},
		{"rename-into-itself", "a file is removed before it takes its own place", func(_ testing.TB, b *bent) {
			b.rename = func(from, to string) error {
				_ = b.FS.Remove(bg, tester, to)
				return b.FS.Rename(bg, tester, from, to, paradise.RenameOptions{})
			}
		}},
		{"rename-only-folder", "Folder is ignored", renameReplaces},
		{"rename-version", "Version is ignored", renameReplaces},
		{"rename-noreplace", "NoReplace is ignored", renameReplaces},
		{"one-order", "the old name stays", func(_ testing.TB, b *bent) {
			b.rename = func(from, to string) error { return b.FS.Copy(bg, tester, from, to, paradise.CopyOptions{}) }
		}},
		{"one-order", "NoReplace is ignored", renameReplaces},
		{"rename-noreplace-once", "NoReplace is ignored", renameReplaces},
		{"copy-noreplace", "NoReplace is ignored", func(_ testing.TB, b *bent) {
			b.copy = func(from, to string) error { return b.FS.Copy(bg, tester, from, to, paradise.CopyOptions{}) }
		}},
		{"copy-accept", "nobody is asked", func(_ testing.TB, b *bent) {
			b.copy = func(from, to string) error { return b.FS.Copy(bg, tester, from, to, paradise.CopyOptions{}) }
		}},
		{"version", "it does not change with the content", func(_ testing.TB, b *bent) {
			b.stat = func(name string) (paradise.Entry, error) {
				e, err := b.FS.Stat(bg, tester, name)
				e.Version = strconv.FormatInt(e.Size, 10)
				return e, err
			}
		}},
		{"version", "it changes by itself", func(_ testing.TB, b *bent) {
			looks := 0
			b.stat = func(name string) (paradise.Entry, error) {
				e, err := b.FS.Stat(bg, tester, name)
				looks++
				e.Version = strconv.Itoa(looks)
				return e, err
			}
		}},
		{"copy", "nothing is copied", func(_ testing.TB, b *bent) {
			b.copy = func(from, _ string) error { _, err := b.FS.Stat(bg, tester, from); return err }
		}},
	}
}

func renameReplaces(_ testing.TB, b *bent) {
	b.rename = func(from, to string) error { return b.FS.Rename(bg, tester, from, to, paradise.RenameOptions{}) }
}

func attrMistakes() []mistake {
	return []mistake{
		{"setattr", "nothing is set", func(_ testing.TB, b *bent) {
			b.setAttr = func(string, paradise.Attr) error { return nil }
		}},
		{"setattr", "what is not shown is set to nothing", func(_ testing.TB, b *bent) {
			b.features = func() paradise.Features { return 0 }
			b.setAttr = func(string, paradise.Attr) error { return nil }
		}},
		{"setattr-all-or-nothing", "half is done", func(_ testing.TB, b *bent) {
			b.features = func() paradise.Features { return paradise.FeatureSetTime }
			b.setAttr = func(name string, a paradise.Attr) error {
				err := b.FS.SetAttr(bg, tester, name, paradise.Attr{ModTime: a.ModTime})
				if a.SetMode || !a.Created.IsZero() || a.Owner != "" {
					return errors.ErrUnsupported
				}
				return err
			}
		}},
		{"setattr-missing", "a missing name is fine", func(_ testing.TB, b *bent) {
			b.setAttr = func(string, paradise.Attr) error { return nil }
		}},
		{"setattr-nothing", "zero is set", func(_ testing.TB, b *bent) {
			b.setAttr = func(name string, _ paradise.Attr) error {
				return b.FS.SetAttr(bg, tester, name, paradise.Attr{SetMode: true})
			}
		}},
		{"space", "fewer than none", func(_ testing.TB, b *bent) {
			b.space = func() (int64, error) { return -1, nil }
		}},
	}
}

func leakMistakes() []mistake {
	return []mistake{
		{"leaks-aborted-uploads", "a goroutine waits for ever", func(tb testing.TB, b *bent) {
			bendUploads(b, func(u *bentUpload) { go waitForEnd(tb) })
		}},
		{"leaks-uploads", "a goroutine waits for ever", func(tb testing.TB, b *bent) {
			bendUploads(b, func(u *bentUpload) { go waitForEnd(tb) })
		}},
		{"leaks-broken-listings", "only a full range closes", func(tb testing.TB, b *bent) {
			b.list = func(ctx context.Context, dir string) (paradise.Listing, error) {
				l, err := b.FS.List(ctx, tester, dir)
				if err != nil {
					return nil, err
				}
				done := make(chan struct{})
				go func() {
					select {
					case <-done:
					case <-tb.Context().Done():
					}
				}()
				return func(yield func(paradise.Entry, error) bool) {
					for e, err := range l {
						if !yield(e, err) {
							return
						}
					}
					close(done)
				}, nil
			}
		}},
		{"leaks-closed-readers", "files are not closed", func(tb testing.TB, b *bent) {
			if openFiles() == 0 {
				tb.Skip("descriptors are not counted on this system")
			}
			b.open = func(name string, offset int64) (io.ReadCloser, error) {
				f, err := os.Open(os.Args[0])
				if err != nil {
					return nil, err
				}
				tb.Cleanup(func() { f.Close() })
				return b.FS.Open(bg, tester, name, offset)
			}
		}},
	}
}

func waitForEnd(tb testing.TB) { <-tb.Context().Done() }
