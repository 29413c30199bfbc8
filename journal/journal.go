// Package journal keeps a record of every upload that was committed, also when the
// process dies in between: for webhooks, indexes and billing, which must not miss
// one.
//
// A [Journal] wraps a [paradise.FileDriver]. Round the Commit of each upload it
// writes an intent, lets the storage commit, writes that it is done, and only then
// may the client get its 226. [Journal.Reconcile] compares the intents that a dead
// process left with the storage; an upload whose Commit failed is compared at once.
// So every file that is there has a record of its commit, at least one, and no 226
// is sent without a record. Readers of the journal ([Journal.Follow], package
// deliver) recognize repeated records by their ID.
//
//	j, err := journal.Open("uploads.jsonl", journal.Options{})
//	...
//	if err := j.Reconcile(ctx, files); err != nil { ... }
//	srv.Files = j.Wrap(files)
//
// An upload whose intent cannot be written fails before anything is published, with
// 451. If the file was published and then the end cannot be written, the client gets
// 451 too, although the file is there: its record follows with the next that can be
// written, or by Reconcile after the next start.
//
// The journal is a text file of JSON lines. When it is large it is renamed, to its
// name with a number, and a new one is begun that carries on what is open. Several
// processes may write to one journal, as during a restart without a gap.
package journal

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise"
)

// Options say how a [Journal] works. The zero value is a good default.
type Options struct {
	// Durable brings each record to the disk before the upload goes on, so that
	// it survives the death of the machine; uploads that end at once share the
	// wait. Zero: records survive the death of any process.
	Durable bool

	// Digest computes the SHA-256 of files while they are stored. Where the
	// outcome of an upload is unknown, contents are then compared and not only
	// sizes and versions. Zero: no digest.
	Digest bool

	// MaxSize is how large the file gets, in bytes, before it is renamed and a
	// new one begun. Zero: 16 MiB.
	MaxSize int64

	// Keep is how many renamed files are kept; readers that are further behind
	// miss records. Zero: 8; negative: all.
	Keep int

	// Logger is told what could not be written. Nil: nothing is logged.
	Logger *slog.Logger
}

// ErrNotReconciled refuses uploads as long as intents of a dead process were not
// held against the storage: later uploads would cover the traces.
var ErrNotReconciled = errors.New("journal: open intents of a dead process: call Reconcile first")

// Journal is an open journal. Open makes one. It is safe for concurrent use.
type Journal struct {
	o     Options
	id    string // of this writer
	count atomic.Uint64
	wait  atomic.Bool // uploads wait for Reconcile

	flush sync.Mutex // held by who writes a batch; guards log
	log   *log

	mu     sync.Mutex
	next   *batch           // collects what is written next
	owed   []Record         // ends that could not be written
	grew   chan struct{}    // closed at the next write
	doubts map[string]doubt // uploads of this process whose outcome is unknown, by ID
	asking bool             // a goroutine looks at doubts

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
}

// batch is written at once; who gets hold of Journal.flush first does it for all.
type batch struct {
	records []Record
	written bool
	err     error
}

// Open opens a journal, or makes it.
func Open(path string, o Options) (*Journal, error) {
	o.MaxSize = cmp.Or(max(o.MaxSize, 0), 16<<20)
	o.Keep = cmp.Or(o.Keep, 8)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	var b [16]byte
	rand.Read(b[:])
	j := &Journal{o: o, id: hex.EncodeToString(b[:]), grew: make(chan struct{}), doubts: make(map[string]doubt)}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	var err error
	if j.log, err = openLog(path, j.id, o); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	dead, err := j.log.dead()
	if err != nil {
		j.log.close()
		return nil, fmt.Errorf("journal: %w", err)
	}
	j.wait.Store(len(dead) > 0)
	return j, nil
}

// Close ends the writing; uploads that are still running fail. Close it when the
// server has stopped. Readers go on until their ctx ends.
func (j *Journal) Close() error {
	j.cancel()
	j.flush.Lock()
	defer j.flush.Unlock()
	return j.log.close()
}

// Wrap returns d with its uploads written into j. Any number of drivers may be
// wrapped. It belongs outermost: the names and sizes that it notes are those that
// the client gave. The core copies through it, so copies are noted as uploads.
func (j *Journal) Wrap(d paradise.FileDriver) paradise.FileDriver {
	return &driver{FileDriver: d, j: j}
}

func (j *Journal) newID() string {
	return j.id + "-" + strconv.FormatUint(j.count.Add(1), 10)
}

// append returns when the records are written: alone, or with those of others.
func (j *Journal) append(records ...Record) error {
	j.mu.Lock()
	if j.next == nil {
		j.next = &batch{}
	}
	b := j.next
	b.records = append(b.records, records...)
	j.mu.Unlock()

	j.flush.Lock()
	defer j.flush.Unlock()
	if b.written {
		return b.err
	}
	j.mu.Lock()
	j.next = nil
	owed := j.owed
	j.mu.Unlock()

	b.err = j.log.write(append(owed, b.records...))
	b.written = true
	j.ended(b, len(owed))
	return b.err
}

// still runs f while nobody, here or in another process, writes. It opens the lock
// anew, because a journal that was closed can be read.
func (j *Journal) still(f func() error) error {
	j.flush.Lock()
	defer j.flush.Unlock()
	lock, err := openLock(j.log.path)
	if err != nil {
		return err
	}
	defer lock.Close()
	return locked(lock, f)
}

// ended wakes readers, or remembers the ends that are still to be written.
func (j *Journal) ended(b *batch, owed int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if b.err == nil {
		j.owed = j.owed[owed:]
		close(j.grew)
		j.grew = make(chan struct{})
		return
	}
	for _, r := range b.records {
		if r.Event.Committed() {
			j.owed = append(j.owed, r)
		}
	}
	j.o.Logger.Error("journal cannot be written", "error", b.err)
}

// ready refuses uploads that could not be noted anyway.
func (j *Journal) ready() error {
	if j.wait.Load() {
		return ErrNotReconciled
	}
	return j.log.usable()
}

// state looks at what a name stands for.
func state(ctx context.Context, d paradise.FileDriver, s *paradise.Session, name string) (State, error) {
	e, err := d.Stat(ctx, s, name)
	switch {
	case err == nil && e.IsDir(), errors.Is(err, fs.ErrNotExist):
		return State{}, nil
	case err == nil:
		return State{Exists: true, Size: e.Size, ModTime: e.ModTime, Unique: e.Unique, Version: e.Version}, nil
	case errors.Is(err, errors.ErrUnsupported):
		return State{Unknown: true}, nil
	}
	return State{}, err
}

func now() time.Time { return time.Now().UTC() }
