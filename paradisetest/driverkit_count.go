package paradisetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/paradiseftp/paradise"
)

// Counts says how often a server has called its driver.
type Counts struct {
	Stat, List, Open, Store, Mkdir, Remove, RemoveDir, Rename, Copy, SetAttr, Space int

	Begin, Write, Commit, Abort int
	Committed                   int   // Commits that returned nil
	Read                        int   // calls of Read on readers; reads that bypass it by File are not counted
	Written                     int64 // bytes that Writes accepted

	Uploads  int // uploads that have not ended
	Readers  int // readers that are not closed
	Listings int // listings that have not been ranged over to their end
}

// Counter is a driver that passes every call on to another one, counts the calls, and
// notes violations of the contract by the server: see [Counter.Violations]. It is safe
// for concurrent use. It refuses Copy, so that the server copies through it. If Open
// returns an [os.File], the server can still reach it.
type Counter struct {
	paradise.FileDriver

	mu         sync.Mutex
	counts     Counts
	violations []string
	open       map[any]string // uploads, readers and listings that have not ended, with the violation to report
}

// Count returns a Counter that wraps d.
func Count(d paradise.FileDriver) *Counter {
	return &Counter{FileDriver: d, open: make(map[any]string)}
}

// Counts returns the counts so far.
func (c *Counter) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

// Violations describes how the server has violated the contract of
// [paradise.FileDriver] and [paradise.Upload] so far. Uploads, readers and listings that
// have not ended come last. Call it when the server is idle, because a running upload
// has not ended either.
//
// The Counter checks the order of calls on an Upload ([Begin Write*], then Commit or
// Abort, Abort exactly once unless Commit returned nil), calls on it that overlap, the
// contexts of Commit and Abort, listings that are never ranged over or more than once,
// readers that are not closed or used after Close, and the form of names.
func (c *Counter) Violations() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := append([]string(nil), c.violations...)
	for _, violation := range c.open {
		all = append(all, violation)
	}
	return all
}

// Check fails the test for each violation.
func (c *Counter) Check(tb testing.TB) {
	tb.Helper()
	for _, v := range c.Violations() {
		tb.Errorf("the server treats its driver wrongly: %s", v)
	}
}

func (c *Counter) count(f func(*Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.counts)
}

// called counts a call and checks its arguments.
func (c *Counter) called(method string, s *paradise.Session, n *int, names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
	if s == nil {
		c.violations = append(c.violations, method+" without a Session")
	}
	for _, name := range names {
		if !clean(name) {
			violation := fmt.Sprintf("%s of the name %q, which is not absolute and clean", method, name)
			c.violations = append(c.violations, violation)
		}
	}
}

func clean(name string) bool {
	return strings.HasPrefix(name, "/") && path.Clean(name) == name && !strings.ContainsAny(name, "\x00\r\n")
}

// begins notes that an upload, reader or listing has started; violation is reported if
// it never ends.
func (c *Counter) begins(what any, n *int, violation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
	c.open[what] = violation
}

// ends notes the end of an upload, reader or listing. It returns false if that had ended
// before.
func (c *Counter) ends(what any, n *int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, running := c.open[what]; !running {
		return false
	}
	delete(c.open, what)
	*n--
	return true
}

func (c *Counter) violated(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.violations = append(c.violations, fmt.Sprintf(format, args...))
}

// Stat implements [paradise.FileDriver], as do the methods that follow.
func (c *Counter) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	c.called("Stat", s, &c.counts.Stat, name)
	return c.FileDriver.Stat(ctx, s, name)
}

func (c *Counter) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	c.called("List", s, &c.counts.List, dir)
	inner, err := c.FileDriver.List(ctx, s, dir)
	if err != nil || inner == nil {
		return inner, err
	}
	l := &countedListing{}
	c.begins(l, &c.counts.Listings, fmt.Sprintf("the listing of %q was not ranged over to its end", dir))
	return func(yield func(paradise.Entry, error) bool) {
		if l.ranged.Swap(true) {
			c.violated("the listing of %q was ranged over more than once", dir)
		}
		defer c.ends(l, &c.counts.Listings)
		inner(yield)
	}, nil
}

type countedListing struct{ ranged atomic.Bool }

func (c *Counter) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	c.called("Open", s, &c.counts.Open, name)
	if offset < 0 {
		c.violated("Open of %q at %d", name, offset)
	}
	inner, err := c.FileDriver.Open(ctx, s, name, offset)
	if err != nil || inner == nil {
		return inner, err
	}
	r := &countedReader{c: c, inner: inner, name: name}
	c.begins(r, &c.counts.Readers, fmt.Sprintf("the reader of %q was not closed", name))
	if f, ok := inner.(*os.File); ok {
		return countedFile{r, f}, nil
	}
	if f, ok := inner.(interface{ File() *os.File }); ok {
		return countedFile{r, f.File()}, nil
	}
	return r, nil
}

func (c *Counter) Store(
	ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions,
) (paradise.Upload, error) {
	c.called("Store", s, &c.counts.Store, name)
	inner, err := c.FileDriver.Store(ctx, s, name, o)
	if err != nil || inner == nil {
		return inner, err
	}
	u := &countedUpload{c: c, inner: inner, name: name, ctx: ctx}
	c.begins(u, &c.counts.Uploads, fmt.Sprintf("the upload of %q was neither committed nor aborted", name))
	return u, nil
}

func (c *Counter) Mkdir(ctx context.Context, s *paradise.Session, name string) error {
	c.called("Mkdir", s, &c.counts.Mkdir, name)
	return c.FileDriver.Mkdir(ctx, s, name)
}

func (c *Counter) Remove(ctx context.Context, s *paradise.Session, name string) error {
	c.called("Remove", s, &c.counts.Remove, name)
	return c.FileDriver.Remove(ctx, s, name)
}

func (c *Counter) RemoveDir(ctx context.Context, s *paradise.Session, name string) error {
	c.called("RemoveDir", s, &c.counts.RemoveDir, name)
	return c.FileDriver.RemoveDir(ctx, s, name)
}

func (c *Counter) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	c.called("Rename", s, &c.counts.Rename, from, to)
	return c.FileDriver.Rename(ctx, s, from, to, o)
}

// Copy counts the call and refuses it, so that the server copies by Open and Store.
func (c *Counter) Copy(_ context.Context, s *paradise.Session, from, to string, _ paradise.CopyOptions) error {
	c.called("Copy", s, &c.counts.Copy, from, to)
	return errors.ErrUnsupported
}

func (c *Counter) SetAttr(ctx context.Context, s *paradise.Session, name string, a paradise.Attr) error {
	c.called("SetAttr", s, &c.counts.SetAttr, name)
	return c.FileDriver.SetAttr(ctx, s, name, a)
}

func (c *Counter) Space(ctx context.Context, s *paradise.Session, dir string) (int64, error) {
	c.called("Space", s, &c.counts.Space, dir)
	return c.FileDriver.Space(ctx, s, dir)
}
