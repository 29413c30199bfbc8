package paradisetest

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/paradiseftp/paradise"
)

// countedReader counts reads and notes calls after Close.
type countedReader struct {
	c     *Counter
	inner io.ReadCloser
	name  string
}

func (r *countedReader) Read(p []byte) (int, error) {
	r.c.count(func(n *Counts) { n.Read++ })
	r.c.mu.Lock()
	_, running := r.c.open[r]
	r.c.mu.Unlock()
	if !running {
		r.c.violated("the reader of %q was read after Close", r.name)
	}
	return r.inner.Read(p)
}

func (r *countedReader) Close() error {
	if !r.c.ends(r, &r.c.counts.Readers) {
		r.c.violated("the reader of %q was closed more than once", r.name)
	}
	return r.inner.Close()
}

// countedFile lets the server use sendfile, whose reads are not counted.
type countedFile struct {
	*countedReader
	file *os.File
}

func (f countedFile) File() *os.File { return f.file }

// countedUpload checks the order of the server's calls.
type countedUpload struct {
	c     *Counter
	inner paradise.Upload
	name  string
	ctx   context.Context // the context of Store

	mu      sync.Mutex
	running int    // calls that are running; more than one is a violation
	within  string // the call that started last
	begun   bool
	failed  string // the first call that returned an error
	ended   string // the call that ended the upload
}

// enter notes that a call starts, and every violation in that. The function that it
// returns notes the end of the call. Defer it, because a driver may panic.
func (u *countedUpload) enter(call string) (leave func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running > 0 {
		u.wrong("%s during %s", call, u.within)
	}
	if u.ended != "" {
		u.wrong("%s after %s", call, u.ended)
	}
	if u.failed != "" && call != "Abort" && u.ended == "" {
		u.wrong("%s after %s failed, where only Abort may come", call, u.failed)
	}
	u.running++
	u.within = call
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.running--
	}
}

// wrong notes a violation. The caller may hold u.mu.
func (u *countedUpload) wrong(format string, args ...any) {
	u.c.violated("the upload of %q: %s", u.name, fmt.Sprintf(format, args...))
}

// do calls the driver and notes a failure. A panic is a failure too.
func (u *countedUpload) do(call string, f func() error) (err error) {
	failed := true
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if failed && u.failed == "" {
			u.failed = call
		}
	}()
	err = f()
	failed = err != nil
	return err
}

func (u *countedUpload) Begin(ctx context.Context, info paradise.UploadInfo) error {
	u.c.count(func(n *Counts) { n.Begin++ })
	defer u.enter("Begin")()
	u.mu.Lock()
	if u.begun {
		u.wrong("Begin more than once")
	}
	u.begun = true
	u.mu.Unlock()
	return u.do("Begin", func() error { return u.inner.Begin(ctx, info) })
}

func (u *countedUpload) Write(p []byte) (int, error) {
	u.c.count(func(n *Counts) { n.Write++ })
	defer u.enter("Write")()
	u.wantBegun("Write")
	var n int
	var err error
	_ = u.do("Write", func() error {
		n, err = u.inner.Write(p)
		if err == nil && n < len(p) {
			return io.ErrShortWrite // the driver is wrong, and the server must notice it
		}
		return err
	})
	u.c.count(func(c *Counts) { c.Written += int64(n) })
	return n, err
}

func (u *countedUpload) Commit(ctx context.Context) error {
	u.c.count(func(n *Counts) { n.Commit++ })
	defer u.enter("Commit")()
	u.wantBegun("Commit")
	err := u.do("Commit", func() error { return u.inner.Commit(ctx) })
	if u.ctx.Err() != nil && ctx.Err() == nil {
		u.wrong("Store's context was dead before Commit returned")
	}
	if err != nil {
		return err
	}
	u.c.count(func(n *Counts) { n.Committed++ })
	u.end("Commit")
	return nil
}

func (u *countedUpload) Abort(ctx context.Context, cause error) {
	u.c.count(func(n *Counts) { n.Abort++ })
	defer u.enter("Abort")()
	if ctx.Err() != nil {
		u.wrong("Abort with a dead context")
	}
	if cause == nil {
		u.wrong("Abort without a cause")
	}
	u.end("Abort")
	u.inner.Abort(ctx, cause)
}

func (u *countedUpload) wantBegun(call string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.begun {
		u.wrong("%s without Begin", call)
	}
}

func (u *countedUpload) end(call string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended == "" {
		u.ended = call
		u.c.ends(u, &u.c.counts.Uploads)
	}
}
