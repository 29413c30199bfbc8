package paradisetest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

var (
	bg     = context.Background()
	tester = &paradise.Session{ID: 1, User: paradise.User{Name: "tester"}}
	errAny = errors.New("some error of the storage")
)

// mistake is a driver with one mistake, which breaks the rule of the name.
type mistake struct {
	rule string
	what string
	bend func(tb testing.TB, b *bent)
}

func TestEachMistakeBreaksItsRule(t *testing.T) {
	for _, m := range allMistakes() {
		t.Run(m.rule+"/"+strings.ReplaceAll(m.what, " ", "-"), func(t *testing.T) {
			res := named(t, m.rule).examine(t, DriverOptions{
				Patience: 300 * time.Millisecond,
				New: func(tb testing.TB) paradise.FileDriver {
					b := &bent{FS: memfs.New()}
					m.bend(tb, b)
					return b
				},
			})
			require.Empty(t, res.skipped)
			require.Error(t, res.err)
			t.Log(res.err)
		})
	}
}

// A rule that no mistake breaks may be one that cannot fail.
func TestEachRuleCanBeBroken(t *testing.T) {
	broken := make(map[string]bool)
	for _, m := range allMistakes() {
		broken[m.rule] = true
	}
	elsewhere := []string{"unsupported-says-so", "resume-unsupported", "range-unsupported", "append-unsupported",
		"space-unsupported"}
	for _, r := range allRules() {
		if slices.Contains(elsewhere, r.name) {
			continue // TestWhatIsUnsupportedMustSaySo
		}
		assert.True(t, broken[r.name], "no mistake breaks %s", r.name)
	}
}

func named(tb testing.TB, name string) rule {
	rules := allRules()
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	require.GreaterOrEqual(tb, i, 0, "no rule %s", name)
	return rules[i]
}

func allMistakes() []mistake {
	return slices.Concat(nameMistakes(), folderMistakes(), mkdirMistakes(), readMistakes(), listMistakes(),
		uploadMistakes(), abortMistakes(), concurrencyMistakes(), placeMistakes(),
		changeMistakes(), attrMistakes(), leakMistakes())
}

func nameMistakes() []mistake {
	return []mistake{
		{"features-stable", "another answer each time", func(_ testing.TB, b *bent) {
			calls := paradise.Features(0)
			b.features = func() paradise.Features { calls++; return calls }
		}},
		{"names-ordinary", "names are changed", func(_ testing.TB, b *bent) { renames(b, " ", "_") }},
		{"names-odd", "a character is replaced", func(_ testing.TB, b *bent) { renames(b, "*", "_") }},
		{"names-odd", "another error than ErrBadName", func(_ testing.TB, b *bent) {
			refuseNames(b, func(name string) bool { return strings.Contains(name, "*") }, errAny)
		}},
		{"names-long", "a long name panics", func(_ testing.TB, b *bent) {
			b.store = func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error) {
				var buf [512]byte
				buf[len(name)] = 0
				return b.FS.Store(ctx, tester, name, o)
			}
		}},
		{"names-long", "a long name is cut", func(_ testing.TB, b *bent) {
			b.store = func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error) {
				return b.FS.Store(ctx, tester, name[:min(len(name), 200)], o)
			}
		}},
		{"names-long-missing", "a raw error", func(_ testing.TB, b *bent) {
			b.stat = func(name string) (paradise.Entry, error) {
				if len(name) > 255 {
					return paradise.Entry{}, errAny
				}
				return lookAt(b, name)
			}
		}},
	}
}

func folderMistakes() []mistake {
	return []mistake{
		{"root-is-folder", "root is a file", func(_ testing.TB, b *bent) {
			b.stat = func(string) (paradise.Entry, error) { return paradise.Entry{Name: "/"}, nil }
		}},
		{"missing-names", "a raw error", func(_ testing.TB, b *bent) {
			b.stat = func(string) (paradise.Entry, error) { return paradise.Entry{}, errAny }
		}},
		{"missing-names", "nothing is an empty folder", func(_ testing.TB, b *bent) {
			b.list = func(context.Context, string) (paradise.Listing, error) { return paradise.Entries(nil), nil }
		}},
		{"names-below-a-file", "the rest of the name is dropped", func(_ testing.TB, b *bent) {
			b.stat = func(name string) (paradise.Entry, error) { return lookAt(b, strings.TrimSuffix(name, "/below")) }
		}},
		{"stat-describes", "the whole name", func(_ testing.TB, b *bent) {
			b.stat = func(name string) (paradise.Entry, error) {
				e, err := lookAt(b, name)
				e.Name = name
				return e, err
			}
		}},
		{"stat-describes", "a wrong size", func(_ testing.TB, b *bent) {
			b.stat = func(name string) (paradise.Entry, error) {
				e, err := lookAt(b, name)
				e.Size = 4096
				return e, err
			}
		}},
		{"stat-describes", "everything is a file", func(_ testing.TB, b *bent) {
			b.stat = func(name string) (paradise.Entry, error) {
				e, err := lookAt(b, name)
				e.Mode = 0o644
				return e, err
			}
		}},
		{"open-folder", "the error comes at Read", func(_ testing.TB, b *bent) {
			b.open = func(name string, offset int64) (io.ReadCloser, error) {
				r, err := b.FS.Open(bg, tester, name, offset)
				if errors.Is(err, paradise.ErrIsDir) {
					return io.NopCloser(strings.NewReader("")), nil
				}
				return r, err
			}
		}},
		{"list-file", "a file lists itself", func(_ testing.TB, b *bent) {
			b.list = func(_ context.Context, dir string) (paradise.Listing, error) {
				return paradise.Entries([]paradise.Entry{{Name: path.Base(dir)}}), nil
			}
		}},
	}
}

func mkdirMistakes() []mistake {
	return []mistake{
		{"mkdir", "nothing is made", func(_ testing.TB, b *bent) { b.mkdir = func(string) error { return nil } }},
		{"mkdir-taken", "an existing folder is fine", func(_ testing.TB, b *bent) {
			b.mkdir = func(name string) error {
				if err := b.FS.Mkdir(bg, tester, name); !errors.Is(err, fs.ErrExist) {
					return err
				}
				return nil
			}
		}},
		{"mkdir-below-missing", "parents are made", func(_ testing.TB, b *bent) {
			b.mkdir = func(name string) error { b.Put(name+"/", nil); return nil }
		}},
	}
}

func lookAt(b *bent, name string) (paradise.Entry, error) { return b.FS.Stat(bg, tester, name) }

// renames makes the driver store under another name.
func renames(b *bent, old, repl string) {
	b.store = func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error) {
		return b.FS.Store(ctx, tester, strings.ReplaceAll(name, old, repl), o)
	}
	b.open = func(name string, offset int64) (io.ReadCloser, error) {
		return b.FS.Open(bg, tester, strings.ReplaceAll(name, old, repl), offset)
	}
}

func refuseNames(b *bent, refused func(string) bool, with error) {
	b.store = func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error) {
		if refused(name) {
			return nil, with
		}
		return b.FS.Store(ctx, tester, name, o)
	}
}

func readMistakes() []mistake {
	ignoresOffset := func(_ testing.TB, b *bent) {
		b.open = func(name string, _ int64) (io.ReadCloser, error) { return b.FS.Open(bg, tester, name, 0) }
	}
	return []mistake{
		{"open-whole", "the last byte is lost", func(_ testing.TB, b *bent) {
			b.open = func(name string, _ int64) (io.ReadCloser, error) {
				data, err := b.Get(name)
				return io.NopCloser(strings.NewReader(string(data[:max(0, len(data)-1)]))), err
			}
		}},
		{"open-offset", "the offset is ignored", ignoresOffset},
		{"open-beyond-end", "the offset is ignored", ignoresOffset},
		{"open-many", "readers share their place", func(tb testing.TB, b *bent) {
			shared := newSharedReader(b)
			b.open = shared.open
		}},
		{"open-survives-overwrite", "bytes are fetched by name", func(_ testing.TB, b *bent) {
			b.open = func(name string, offset int64) (io.ReadCloser, error) {
				if _, err := b.FS.Open(bg, tester, name, offset); err != nil {
					return nil, err
				}
				return &byName{b: b, name: name, at: offset}, nil
			}
		}},
	}
}

func listMistakes() []mistake {
	extra := func(e paradise.Entry) func(string, paradise.Listing) paradise.Listing {
		return func(_ string, l paradise.Listing) paradise.Listing {
			return func(yield func(paradise.Entry, error) bool) {
				if yield(e, nil) {
					l(yield)
				}
			}
		}
	}
	return []mistake{
		{"list-entries", "dot is listed", with(extra(paradise.Entry{Name: ".", Mode: fs.ModeDir}))},
		{"list-entries", "an entry comes twice", with(extra(paradise.Entry{Name: "a"}))},
		{"list-entries", "an entry is a path", with(extra(paradise.Entry{Name: "d/a"}))},
		{"list-root", "the root is empty", with(func(dir string, l paradise.Listing) paradise.Listing {
			if dir == "/" {
				return paradise.Entries(nil)
			}
			return l
		})},
		{"list-agrees-with-stat", "times differ",
			with(mapEntries(func(e *paradise.Entry) { e.ModTime = e.ModTime.Add(time.Second) }))},
		{"list-agrees-with-stat", "sizes differ", with(mapEntries(func(e *paradise.Entry) { e.Size++ }))},
		{"list-many", "only the first thousand are listed", with(func(_ string, l paradise.Listing) paradise.Listing {
			return func(yield func(paradise.Entry, error) bool) {
				n := 0
				for e, err := range l {
					if n++; n >= 1000 || !yield(e, err) {
						return
					}
				}
			}
		})},
		{"list-break", "the listing goes on", with(func(_ string, l paradise.Listing) paradise.Listing {
			return func(yield func(paradise.Entry, error) bool) {
				for e, err := range l {
					yield(e, err)
				}
			}
		})},
		{"list-ends-with-context", "the listing never ends", func(tb testing.TB, b *bent) {
			stop := make(chan struct{})
			tb.Cleanup(func() { close(stop) })
			b.list = func(context.Context, string) (paradise.Listing, error) {
				return func(yield func(paradise.Entry, error) bool) {
					yield(paradise.Entry{Name: "a"}, nil)
					<-stop
				}, nil
			}
		}},
	}
}

// with lets f change every listing.
func with(f func(dir string, l paradise.Listing) paradise.Listing) func(testing.TB, *bent) {
	return func(_ testing.TB, b *bent) {
		b.list = func(ctx context.Context, dir string) (paradise.Listing, error) {
			l, err := b.FS.List(ctx, tester, dir)
			if err != nil {
				return nil, err
			}
			return f(dir, l), nil
		}
	}
}

func mapEntries(f func(*paradise.Entry)) func(string, paradise.Listing) paradise.Listing {
	return func(_ string, l paradise.Listing) paradise.Listing {
		return func(yield func(paradise.Entry, error) bool) {
			for e, err := range l {
				f(&e)
				if !yield(e, err) {
					return
				}
			}
		}
	}
}
