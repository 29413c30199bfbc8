package paradisetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
)

// ErrInjected is the error of a fault if [Faults.Err] is nil.
var ErrInjected = errors.New("paradisetest: injected fault")

// FaultKind says what goes wrong.
type FaultKind uint8

const (
	// FaultError makes the operation return Err and do nothing. Close still does its
	// work, and so does Abort, which returns nothing.
	FaultError FaultKind = iota
	// FaultShortWrite makes Upload.Write accept half of the bytes and return no
	// error, which an io.Writer must not do. Other operations work as usual.
	FaultShortWrite
	// FaultLatency makes the operation wait for Latency, or until its context
	// ends, which it then returns as its error.
	FaultLatency
	// FaultPanic makes the operation panic with an error that wraps Err. Abort
	// and Close do their work first.
	FaultPanic
	// FaultBlock makes the operation wait until its context ends and return the cause
	// as its error. Write and Read wait for the context of Store and Open.
	FaultBlock
	// FaultHang makes the operation ignore its context and wait for Release; then it
	// works as usual. It stands for a driver that is stuck.
	FaultHang
)

var faultNames = []string{"error", "short write", "latency", "panic", "block", "hang"}

func (k FaultKind) String() string {
	if int(k) < len(faultNames) {
		return faultNames[k]
	}
	return fmt.Sprintf("FaultKind(%d)", uint8(k))
}

// Faults is a driver that passes calls on to another one and makes exactly one operation
// fail. Operations are numbered from 1 in the order in which they start. These count:
// each call of a driver's method except Features; each Begin, Write, Commit and Abort of
// an Upload; each Read and Close of a reader; and each step of a listing, including its
// end.
//
// To try every fault of a scenario, run it once with At 0, ask Operations, and
// then run it with a new Faults for every number:
//
//	plain := &paradisetest.Faults{Driver: memfs.New()}
//	scenario(plain)
//	for k := 1; k <= plain.Operations(); k++ {
//		scenario(&paradisetest.Faults{Driver: memfs.New(), At: k, Kind: paradisetest.FaultPanic})
//	}
//
// Set the fields before use. Faults is safe for concurrent use; if calls race, their
// numbers do too.
type Faults struct {
	Driver  paradise.FileDriver
	At      int           // number of the operation that fails; 0: none
	Kind    FaultKind     // how it fails
	Err     error         // the error of FaultError and FaultPanic; nil: ErrInjected
	Latency time.Duration // the delay of FaultLatency

	mu       sync.Mutex
	count    int
	where    string
	released chan struct{} // created by gate, closed by Release
	free     bool          // Release was called
}

var _ paradise.FileDriver = (*Faults)(nil)

// Operations returns how many operations have started.
func (f *Faults) Operations() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Where returns the name of the operation that failed, such as "Upload.Write", or "" if
// none has failed yet.
func (f *Faults) Where() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.where
}

// Release lets the operation of FaultHang continue, even if it has not started yet.
func (f *Faults) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.free {
		f.free = true
		close(f.gate())
	}
}

// gate returns the channel that Release closes. The caller holds f.mu.
func (f *Faults) gate() chan struct{} {
	if f.released == nil {
		f.released = make(chan struct{})
	}
	return f.released
}

// due numbers an operation and reports whether it is the one that fails.
func (f *Faults) due(op string) (gate <-chan struct{}, due bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if f.count != f.At {
		return nil, false
	}
	f.where = op
	return f.gate(), true
}

// step is called before an operation. If it returns an error, the operation returns that
// error and does nothing.
func (f *Faults) step(ctx context.Context, op string) error {
	gate, due := f.due(op)
	if !due {
		return nil
	}
	switch f.Kind {
	case FaultError:
		return f.err()
	case FaultPanic:
		panic(fmt.Errorf("%s: %w", op, f.err()))
	case FaultLatency:
		return wait(ctx, f.Latency)
	case FaultBlock:
		<-ctx.Done()
		return context.Cause(ctx)
	case FaultHang:
		<-gate
	}
	return nil
}

func (f *Faults) err() error {
	if f.Err != nil {
		return f.Err
	}
	return ErrInjected
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ending is step for Abort and Close. They do their work in any case, because it frees
// resources.
func (f *Faults) ending(ctx context.Context, op string, work func()) error {
	if f.Kind == FaultPanic {
		work()
		return f.step(ctx, op)
	}
	err := f.step(ctx, op)
	work()
	return err
}

// Features implements [paradise.FileDriver], as do the methods that follow. It does not
// count as an operation, because a server may call it at any time.
func (f *Faults) Features(s *paradise.Session) paradise.Features { return f.Driver.Features(s) }

func (f *Faults) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	if err := f.step(ctx, "Stat"); err != nil {
		return paradise.Entry{}, err
	}
	return f.Driver.Stat(ctx, s, name)
}

func (f *Faults) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	if err := f.step(ctx, "List"); err != nil {
		return nil, err
	}
	inner, err := f.Driver.List(ctx, s, dir)
	if err != nil || inner == nil {
		return inner, err
	}
	return func(yield func(paradise.Entry, error) bool) { f.listing(ctx, inner, yield) }, nil
}

func (f *Faults) listing(ctx context.Context, inner paradise.Listing, yield func(paradise.Entry, error) bool) {
	for e, err := range inner {
		if fault := f.step(ctx, "Listing"); fault != nil {
			yield(paradise.Entry{}, fault)
			return
		}
		if !yield(e, err) {
			return
		}
	}
	if fault := f.step(ctx, "Listing"); fault != nil {
		yield(paradise.Entry{}, fault)
	}
}

func (f *Faults) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	if err := f.step(ctx, "Open"); err != nil {
		return nil, err
	}
	inner, err := f.Driver.Open(ctx, s, name, offset)
	if err != nil || inner == nil {
		return inner, err
	}
	return &faultyReader{f: f, inner: inner, ctx: ctx}, nil
}

func (f *Faults) Store(
	ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions,
) (paradise.Upload, error) {
	if err := f.step(ctx, "Store"); err != nil {
		return nil, err
	}
	inner, err := f.Driver.Store(ctx, s, name, o)
	if err != nil || inner == nil {
		return inner, err
	}
	return &faultyUpload{f: f, inner: inner, ctx: ctx}, nil
}

func (f *Faults) Mkdir(ctx context.Context, s *paradise.Session, name string) error {
	if err := f.step(ctx, "Mkdir"); err != nil {
		return err
	}
	return f.Driver.Mkdir(ctx, s, name)
}

func (f *Faults) Remove(ctx context.Context, s *paradise.Session, name string) error {
	if err := f.step(ctx, "Remove"); err != nil {
		return err
	}
	return f.Driver.Remove(ctx, s, name)
}

func (f *Faults) RemoveDir(ctx context.Context, s *paradise.Session, name string) error {
	if err := f.step(ctx, "RemoveDir"); err != nil {
		return err
	}
	return f.Driver.RemoveDir(ctx, s, name)
}

func (f *Faults) Rename(ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions) error {
	if err := f.step(ctx, "Rename"); err != nil {
		return err
	}
	return f.Driver.Rename(ctx, s, from, to, o)
}

// Copy is counted and then refused, so that the server copies by Open and Store.
func (f *Faults) Copy(ctx context.Context, _ *paradise.Session, _, _ string, _ paradise.CopyOptions) error {
	if err := f.step(ctx, "Copy"); err != nil {
		return err
	}
	return errors.ErrUnsupported
}

func (f *Faults) SetAttr(ctx context.Context, s *paradise.Session, name string, a paradise.Attr) error {
	if err := f.step(ctx, "SetAttr"); err != nil {
		return err
	}
	return f.Driver.SetAttr(ctx, s, name, a)
}

func (f *Faults) Space(ctx context.Context, s *paradise.Session, dir string) (int64, error) {
	if err := f.step(ctx, "Space"); err != nil {
		return 0, err
	}
	return f.Driver.Space(ctx, s, dir)
}
