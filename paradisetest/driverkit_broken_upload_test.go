package paradisetest

import (
	"context"
	"io"
	"io/fs"
	"sync"
	"testing"

	"github.com/paradiseftp/paradise"
)

// bendUploads lets f put a mistake into every upload.
func bendUploads(b *bent, f func(u *bentUpload)) {
	bendStores(b, func(_ string, _ paradise.StoreOptions, u *bentUpload) { f(u) })
}

func bendStores(b *bent, f func(name string, o paradise.StoreOptions, u *bentUpload)) {
	b.store = func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error) {
		inner, err := b.FS.Store(ctx, tester, name, o)
		if err != nil {
			return nil, err
		}
		u := &bentUpload{Upload: inner}
		f(name, o, u)
		return u, nil
	}
}

// bendOptions lets f change the options.
func bendOptions(f func(b *bent, name string, o *paradise.StoreOptions)) func(testing.TB, *bent) {
	return func(_ testing.TB, b *bent) {
		b.store = func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error) {
			f(b, name, &o)
			return b.FS.Store(ctx, tester, name, o)
		}
	}
}

// inPlace writes into the published file, as most servers do.
func inPlace(_ testing.TB, b *bent) {
	bendStores(b, func(name string, _ paradise.StoreOptions, u *bentUpload) {
		var data []byte
		u.write = func(p []byte) (int, error) {
			data = append(data, p...)
			b.Put(name, data)
			return u.Upload.Write(p)
		}
	})
}

func truncates(_ testing.TB, b *bent) {
	bendStores(b, func(name string, _ paradise.StoreOptions, _ *bentUpload) { b.Put(name, nil) })
}

// keeps collects the very slices it is given and writes them at Commit.
func keeps(_ testing.TB, b *bent) {
	bendUploads(b, func(u *bentUpload) {
		var kept [][]byte
		u.write = func(p []byte) (int, error) { kept = append(kept, p); return len(p), nil }
		u.commit = func(ctx context.Context) error {
			for _, p := range kept {
				if _, err := u.Upload.Write(p); err != nil {
					return err
				}
			}
			return u.Upload.Commit(ctx)
		}
	})
}

func abortPublishes(_ testing.TB, b *bent) {
	bendUploads(b, func(u *bentUpload) { u.abort = func() { _ = u.Upload.Commit(bg) } })
}

func abortDeletes(_ testing.TB, b *bent) {
	bendStores(b, func(name string, _ paradise.StoreOptions, u *bentUpload) {
		u.abort = func() {
			u.Upload.Abort(bg, errExam)
			_ = b.FS.Remove(bg, tester, name)
		}
	})
}

// pipes hands its bytes to a reader that stops when the context ends, but lets
// nobody know.
func pipes(tb testing.TB, b *bent) {
	b.store = func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error) {
		inner, err := b.FS.Store(ctx, tester, name, o)
		if err != nil {
			return nil, err
		}
		r, w := io.Pipe()
		tb.Cleanup(func() { r.Close() })
		go func() {
			buf := make([]byte, 32<<10)
			for ctx.Err() == nil {
				if _, err := r.Read(buf); err != nil {
					return
				}
			}
		}()
		return &bentUpload{Upload: inner, write: w.Write}, nil
	}
}

func uploadMistakes() []mistake {
	loses := func(f func(p []byte) []byte) func(testing.TB, *bent) {
		return func(_ testing.TB, b *bent) {
			bendUploads(b, func(u *bentUpload) {
				u.write = func(p []byte) (int, error) { _, err := u.Upload.Write(f(p)); return len(p), err }
			})
		}
	}
	return []mistake{
		{"store-whole", "the last byte of a Write is lost", loses(func(p []byte) []byte { return p[:len(p)-1] })},
		{"store-empty", "an empty file is an error", func(_ testing.TB, b *bent) {
			bendUploads(b, func(u *bentUpload) {
				wrote := false
				u.write = func(p []byte) (int, error) { wrote = true; return u.Upload.Write(p) }
				u.commit = func(ctx context.Context) error {
					if !wrote {
						return io.ErrUnexpectedEOF
					}
					return u.Upload.Commit(ctx)
				}
			})
		}},
		{"store-big", "long Writes are cut", loses(func(p []byte) []byte { return p[:min(len(p), 64<<10)] })},
		{"store-big", "a Write is short without an error", func(_ testing.TB, b *bent) {
			bendUploads(b, func(u *bentUpload) {
				u.write = func(p []byte) (int, error) { return u.Upload.Write(p[:min(len(p), 4096)]) }
			})
		}},
		{"write-keeps-nothing", "slices are kept", keeps},
		{"store-invisible", "written in place", inPlace},
		{"store-invisible", "made at Store", truncates},
		{"store-invisible", "a temporary file is listed", func(_ testing.TB, b *bent) {
			bendStores(b, func(name string, _ paradise.StoreOptions, _ *bentUpload) { b.Put(name+".part", nil) })
		}},
		{"store-keeps-old", "truncated at Store", truncates},
		{"store-keeps-old", "written in place", inPlace},
		{"store-on-folder", "refused only at Commit", lateRefusal},
		{"store-below-missing", "refused only at Commit", lateRefusal},
		{"store-below-missing", "folders are made", func(_ testing.TB, b *bent) {
			b.store = func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error) {
				if name == "/missing/f" {
					b.Put("/missing/", nil)
				}
				return b.FS.Store(ctx, tester, name, o)
			}
		}},
		{"commit-without-folder", "Commit forgets an error", func(_ testing.TB, b *bent) {
			bendUploads(b, func(u *bentUpload) {
				u.commit = func(ctx context.Context) error { _ = u.Upload.Commit(ctx); return nil }
			})
		}},
	}
}

func abortMistakes() []mistake {
	return []mistake{
		{"abort-new", "Abort publishes", abortPublishes},
		{"abort-keeps-old", "Abort publishes", abortPublishes},
		{"abort-keeps-old", "Abort deletes the name", abortDeletes},
		{"abort-without-begin", "Abort needs Begin", func(_ testing.TB, b *bent) {
			bendUploads(b, func(u *bentUpload) {
				var done *sync.Once
				u.begin = func(info paradise.UploadInfo) error { done = new(sync.Once); return u.Upload.Begin(bg, info) }
				u.abort = func() { done.Do(func() { u.Upload.Abort(bg, errExam) }) }
			})
		}},
		{"abort-after-failed-begin", "Abort deletes the name", abortDeletes},
		{"abort-after-failed-commit", "Abort deletes the name", abortDeletes},
		{"cancel-unblocks-write", "Write waits for a reader that is gone", pipes},
		{"cancel-then-abort", "Abort publishes", abortPublishes},
		{"commit-all-or-nothing", "an error after publishing", func(_ testing.TB, b *bent) {
			bendUploads(b, func(u *bentUpload) {
				u.commit = func(ctx context.Context) error { _ = u.Upload.Commit(bg); return ctx.Err() }
			})
		}},
	}
}

func concurrencyMistakes() []mistake {
	return []mistake{
		{"two-uploads-one-name", "uploads of one name share a temporary", sharesTemporary},
		{"uploads-at-once", "an Abort takes another upload's file", func(_ testing.TB, b *bent) {
			bendStores(b, func(_ string, _ paradise.StoreOptions, u *bentUpload) {
				u.abort = func() { _ = u.Upload.Commit(bg) }
			})
		}},
		{"one-name-many-writers", "Commit publishes in two steps", twoSteps},
		{"everything-at-once", "a method panics", func(_ testing.TB, b *bent) {
			b.copy = func(string, string) error { panic("not written yet") }
		}},
	}
}

// twoSteps lets somebody read between the steps of the first Commit.
func twoSteps(tb testing.TB, b *bent) {
	var first, sawHalf sync.Once
	seen := make(chan struct{})
	b.open = func(name string, offset int64) (io.ReadCloser, error) {
		r, err := b.FS.Open(bg, tester, name, offset)
		if data, _ := b.Get(name); string(data) == "half" {
			sawHalf.Do(func() { close(seen) })
		}
		return r, err
	}
	bendStores(b, func(name string, _ paradise.StoreOptions, u *bentUpload) {
		u.commit = func(ctx context.Context) error {
			if _, err := b.Get(name); err != nil {
				return u.Upload.Commit(ctx) // the seed
			}
			first.Do(func() {
				b.Put(name, []byte("half"))
				select {
				case <-seen:
				case <-tb.Context().Done():
				}
			})
			return u.Upload.Commit(ctx)
		}
	})
}

// lateRefusal takes every Store and finds out at Commit.
func lateRefusal(_ testing.TB, b *bent) {
	b.store = func(ctx context.Context, name string, o paradise.StoreOptions) (paradise.Upload, error) {
		u, err := b.FS.Store(ctx, tester, name, o)
		if err == nil {
			return u, nil
		}
		u, _ = b.FS.Store(ctx, tester, "/scratch", paradise.StoreOptions{})
		return &bentUpload{Upload: u, commit: func(context.Context) error { return err }}, nil
	}
}

// sharesTemporary collects the bytes of a name from all uploads together.
func sharesTemporary(_ testing.TB, b *bent) {
	var mu sync.Mutex
	shared := make(map[string][]byte)
	bendStores(b, func(name string, _ paradise.StoreOptions, u *bentUpload) {
		u.write = func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			shared[name] = append(shared[name], p...)
			return len(p), nil
		}
		u.commit = func(ctx context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			if _, err := u.Upload.Write(shared[name]); err != nil {
				return err
			}
			return u.Upload.Commit(ctx)
		}
	})
}

func placeMistakes() []mistake {
	noExclusive := bendOptions(func(_ *bent, _ string, o *paradise.StoreOptions) { o.Exclusive = false })
	return []mistake{
		{"store-replaces", "the old tail stays", func(_ testing.TB, b *bent) {
			bendStores(b, func(name string, _ paradise.StoreOptions, u *bentUpload) {
				written := 0
				u.write = func(p []byte) (int, error) { written += len(p); return u.Upload.Write(p) }
				u.commit = func(ctx context.Context) error {
					if old, err := b.Get(name); err == nil && len(old) > written {
						_, _ = u.Upload.Write(old[written:])
					}
					return u.Upload.Commit(ctx)
				}
			})
		}},
		{"store-offset", "the offset is ignored",
			bendOptions(func(_ *bent, _ string, o *paradise.StoreOptions) { o.Offset = 0 })},
		{"store-offset-beyond", "the data comes to the end",
			bendOptions(func(b *bent, name string, o *paradise.StoreOptions) {
				old, _ := b.Get(name)
				o.Offset = min(o.Offset, int64(len(old)))
			})},
		{"store-offset-aborted", "written in place", inPlace},
		{"append-accept", "nobody is asked",
			bendOptions(func(_ *bent, _ string, o *paradise.StoreOptions) { o.Accept = nil })},
		{"append-accept", "a refusal is ignored", bendOptions(func(_ *bent, _ string, o *paradise.StoreOptions) {
			if accept := o.Accept; accept != nil {
				o.Accept = func(head []byte, size int64) error { _ = accept(head, size); return nil }
			}
		})},
		{"store-offset-accept", "nobody is asked",
			bendOptions(func(_ *bent, _ string, o *paradise.StoreOptions) { o.Accept = nil })},
		{"append", "the file is replaced",
			bendOptions(func(_ *bent, _ string, o *paradise.StoreOptions) { o.Append = false })},
		{"append-aborted", "written in place", inPlace},
		{"append-at-commit", "the end is looked up at Store",
			bendOptions(func(b *bent, name string, o *paradise.StoreOptions) {
				old, _ := b.Get(name)
				o.Append, o.Offset = false, int64(len(old))
			})},
		{"one-order", "an append begins the file anew",
			bendOptions(func(_ *bent, _ string, o *paradise.StoreOptions) { o.Append = false })},
		{"existing", "Existing is ignored",
			bendOptions(func(_ *bent, _ string, o *paradise.StoreOptions) { o.Existing = false })},
		{"append-exclusive", "Exclusive is ignored", noExclusive},
		{"exclusive-taken", "Exclusive is ignored", noExclusive},
		{"exclusive-once", "Exclusive is ignored", noExclusive},
		{"exclusive-once", "nobody gets the name", func(_ testing.TB, b *bent) {
			bendStores(b, func(_ string, o paradise.StoreOptions, u *bentUpload) {
				if o.Exclusive {
					u.commit = func(context.Context) error { return fs.ErrExist }
				}
			})
		}},
	}
}

// sharedReader lets all readers of a file read on where another one stopped.
type sharedReader struct {
	b  *bent
	mu sync.Mutex
	at map[string]int64
}

func newSharedReader(b *bent) *sharedReader { return &sharedReader{b: b, at: make(map[string]int64)} }

func (s *sharedReader) open(name string, _ int64) (io.ReadCloser, error) {
	return sharedHandle{s, name}, nil
}

type sharedHandle struct {
	s    *sharedReader
	name string
}

func (h sharedHandle) Read(p []byte) (int, error) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	data, err := h.s.b.Get(h.name)
	if err != nil {
		return 0, err
	}
	rest := data[h.s.at[h.name]:]
	if len(rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, rest)
	h.s.at[h.name] += int64(n)
	return n, nil
}

func (sharedHandle) Close() error { return nil }

// byName fetches each piece anew, as an HTTP range request would.
type byName struct {
	b    *bent
	name string
	at   int64
}

func (r *byName) Read(p []byte) (int, error) {
	data, err := r.b.Get(r.name)
	if err != nil {
		return 0, err
	}
	if r.at >= int64(len(data)) {
		return 0, io.EOF
	}
	n := copy(p, data[r.at:])
	r.at += int64(n)
	return n, nil
}

func (r *byName) Close() error { return nil }
