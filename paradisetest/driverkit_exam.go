package paradisetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paradiseftp/paradise"
)

// exam is the test of one rule with one driver. Methods that can end the rule must be
// called on the rule's goroutine; methods that return an error may be called on others.
type exam struct {
	tb  testing.TB
	d   paradise.FileDriver
	s   *paradise.Session
	o   DriverOptions
	ctx context.Context
	err error
}

type result struct {
	skipped string
	err     error
}

// examine runs a rule on a new goroutine, so that a driver that blocks or panics breaks
// the rule and does not end the test.
func (r rule) examine(tb testing.TB, o DriverOptions) result {
	o = o.withDefaults()
	if reason := r.skip(o); reason != "" {
		return result{skipped: reason}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	x := &exam{tb: tb, s: o.Session, o: o, ctx: ctx}
	if o.Seeded != nil {
		x.d = o.Seeded(tb, maps.Clone(r.seed))
	} else {
		x.d = o.New(tb)
	}
	features := x.d.Features(x.s)
	if features&r.features != r.features {
		return result{skipped: "Features does not show the ability"}
	}
	if features&r.lacking != 0 {
		return result{skipped: "Features shows the ability"}
	}
	err := x.within(6*o.Patience, func() error {
		if o.Seeded == nil {
			x.plant(r.seed)
		}
		r.check(x)
		return nil
	})
	return result{err: err}
}

// within runs f on a new goroutine and waits for it, at most for d.
func (x *exam) within(d time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errEnded
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the driver panicked: %v\n%s", p, debug.Stack())
			}
			if err == errEnded {
				err = x.err
			}
			done <- err
		}()
		err = f()
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		return fmt.Errorf("the driver had not returned after %v; all goroutines:\n%s", d, stacks())
	}
}

// errEnded distinguishes a goroutine that failf has ended from one that has returned.
var errEnded = errors.New("ended")

func stacks() []byte {
	buf := make([]byte, 256<<10)
	return buf[:runtime.Stack(buf, true)]
}

// failf ends the rule as broken.
func (x *exam) failf(format string, args ...any) {
	x.err = fmt.Errorf(format, args...)
	runtime.Goexit()
}

// ok ends the rule as broken unless err is nil. format and args say what was done.
func (x *exam) ok(err error, format string, args ...any) {
	if err != nil {
		x.failf("%s: %w", fmt.Sprintf(format, args...), err)
	}
}

// wantErr ends the rule as broken unless err is one of those allowed.
func (x *exam) wantErr(err error, doing string, allowed ...error) {
	if err := checkErr(err, doing, allowed...); err != nil {
		x.failf("%w", err)
	}
}

func checkErr(err error, doing string, allowed ...error) error {
	if slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }) {
		return nil
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = fmt.Sprintf("%q", a)
	}
	want := strings.Join(names, " or ")
	if err == nil {
		return fmt.Errorf("%s succeeded; it should return an error that is (errors.Is) %s", doing, want)
	}
	return fmt.Errorf("%s returned the error %q; it should return one that is (errors.Is) %s", doing, err, want)
}

// plant creates the files of a seed with the driver itself.
func (x *exam) plant(seed map[string]string) {
	made := map[string]bool{"/": true}
	for _, name := range slices.Sorted(maps.Keys(seed)) {
		x.mkdirAll(path.Dir(name), made)
		if !strings.HasSuffix(name, "/") {
			x.put(name, seed[name])
		}
	}
}

func (x *exam) mkdirAll(dir string, made map[string]bool) {
	if made[dir] {
		return
	}
	x.mkdirAll(path.Dir(dir), made)
	x.mkdir(dir)
	made[dir] = true
}

func (x *exam) mkdir(name string) {
	x.ok(x.d.Mkdir(x.ctx, x.s, name), "Mkdir(%q)", name)
}

// put stores a file and ends the rule if that fails.
func (x *exam) put(name, data string) {
	x.ok(x.store(name, data, paradise.StoreOptions{}), "storing %q", name)
}

// store runs one whole upload, as the core would.
func (x *exam) store(name, data string, o paradise.StoreOptions) error {
	u, err := x.begin(x.ctx, name, data, o)
	if err != nil {
		return err
	}
	if err := write(u, data); err != nil {
		u.Abort(x.ctx, err)
		return err
	}
	if err := u.Commit(x.ctx); err != nil {
		u.Abort(x.ctx, err)
		return fmt.Errorf("Commit: %w", err)
	}
	return nil
}

// begin starts an upload and calls Begin, so that Writes may follow. ctx is passed to
// Store.
func (x *exam) begin(ctx context.Context, name, head string, o paradise.StoreOptions) (paradise.Upload, error) {
	u, err := x.d.Store(ctx, x.s, name, o)
	if err != nil {
		return nil, fmt.Errorf("Store: %w", err)
	}
	if u == nil {
		return nil, errors.New("Store returned neither an Upload nor an error")
	}
	if err := u.Begin(ctx, info(head)); err != nil {
		u.Abort(x.ctx, err)
		return nil, fmt.Errorf("Begin: %w", err)
	}
	return u, nil
}

// start is begin for rules that cannot go on without the upload.
func (x *exam) start(name string, o paradise.StoreOptions) paradise.Upload {
	u, err := x.begin(x.ctx, name, "start", o)
	x.ok(err, "starting an upload of %q", name)
	return u
}

func (x *exam) write(u paradise.Upload, data string) { x.ok(write(u, data), "writing") }

func (x *exam) commit(u paradise.Upload) {
	if err := u.Commit(x.ctx); err != nil {
		u.Abort(x.ctx, err)
		x.failf("Commit: %w", err)
	}
}

func info(head string) paradise.UploadInfo {
	return paradise.UploadInfo{
		ContentType: "application/octet-stream",
		Head:        []byte(head[:min(len(head), 512)]),
		Whole:       len(head) <= 512,
	}
}

// write writes data from buffers that it overwrites after each Write, because the core
// reuses its buffers too.
func write(u paradise.Upload, data string) error {
	for len(data) > 0 {
		p := []byte(data[:min(len(data), 32<<10)])
		size := len(p)
		n, err := u.Write(p)
		for i := range p {
			p[i] = '#'
		}
		if err != nil {
			return fmt.Errorf("Write: %w", err)
		}
		if n != size {
			return fmt.Errorf("Write took %d of %d bytes and returned no error", n, size)
		}
		data = data[size:]
	}
	return nil
}

// read returns a whole file.
func (x *exam) read(name string) (string, error) {
	if x.o.ReadBack != nil {
		b, err := x.o.ReadBack(x.d, name)
		return string(b), err
	}
	return x.readFrom(name, 0)
}

func (x *exam) readFrom(name string, offset int64) (string, error) {
	r, err := x.d.Open(x.ctx, x.s, name, offset)
	if err != nil {
		return "", err
	}
	if r == nil {
		return "", errors.New("Open returned neither a reader nor an error")
	}
	b, err := io.ReadAll(r)
	if err != nil {
		r.Close()
		return "", fmt.Errorf("Read: %w", err)
	}
	if err := r.Close(); err != nil {
		return "", fmt.Errorf("Close: %w", err)
	}
	return string(b), nil
}

func (x *exam) has(m Method) bool { return x.o.Without&m == 0 }

// canRead reports whether the rule can read stored content.
func (x *exam) canRead() bool { return x.o.ReadBack != nil || x.has(MethodOpen) }

// wantContent ends the rule as broken unless the content of name is want.
func (x *exam) wantContent(name, want, when string) {
	got, err := x.read(name)
	x.ok(err, "reading %q %s", name, when)
	if got != want {
		x.failf("%q %s holds %s; it should hold %s", name, when, short(got), short(want))
	}
}

func short(s string) string {
	if len(s) <= 80 {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q... (%d bytes)", s[:60], len(s))
}

// wantAbsent ends the rule as broken if any method of the driver shows that name exists.
func (x *exam) wantAbsent(name, when string) {
	if x.canRead() {
		_, err := x.read(name)
		x.wantErr(err, fmt.Sprintf("opening %q %s", name, when), fs.ErrNotExist)
	}
	if x.has(MethodStat) {
		_, err := x.d.Stat(x.ctx, x.s, name)
		x.wantErr(err, fmt.Sprintf("Stat(%q) %s", name, when), fs.ErrNotExist)
	}
}

// wantNames ends the rule as broken unless the folder lists exactly these names, in any
// order. Without List it does nothing.
func (x *exam) wantNames(dir, when string, want ...string) {
	if !x.has(MethodList) {
		return
	}
	entries, err := x.list(dir)
	x.ok(err, "listing %q %s", dir, when)
	got := make([]string, len(entries))
	for i, e := range entries {
		got[i] = e.Name
	}
	slices.Sort(got)
	slices.Sort(want)
	switch {
	case slices.Equal(got, want):
	case len(got)+len(want) < 60:
		x.failf("%q %s lists %q; it should list %q", dir, when, got, want)
	default:
		x.failf("%q %s lists %d names; it should list %d; the first that is wrong is %q",
			dir, when, len(got), len(want), firstDifference(got, want))
	}
}

// firstDifference returns a name at the first position where two different sorted lists
// differ.
func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return min(a[i], b[i])
		}
	}
	if len(a) > len(b) {
		return a[len(b)]
	}
	return b[len(a)]
}

func (x *exam) list(dir string) ([]paradise.Entry, error) {
	l, err := x.d.List(x.ctx, x.s, dir)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, errors.New("List returned neither a Listing nor an error")
	}
	var entries []paradise.Entry
	for e, err := range l {
		if err != nil {
			return entries, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (x *exam) stat(name string) paradise.Entry {
	e, err := x.d.Stat(x.ctx, x.s, name)
	x.ok(err, "Stat(%q)", name)
	return e
}

// together runs f for 0 to n-1 concurrently. The first error ends the rule as broken.
func (x *exam) together(n int, f func(i int) error) {
	errs := make(chan error, n)
	for i := range n {
		go func() {
			defer func() {
				if p := recover(); p != nil {
					errs <- fmt.Errorf("the driver panicked: %v\n%s", p, debug.Stack())
				}
			}()
			errs <- f(i)
		}()
	}
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	if first != nil {
		x.failf("%w", first)
	}
}
