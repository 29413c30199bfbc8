// Package osfs serves a folder of the local file system: the default storage
// of paradise.
//
// Nothing outside the folder can be reached, by "..", by a symbolic link or by
// a race between the two: names are resolved by [os.Root]. Links that stay
// inside are followed; FIFOs, sockets and devices are refused.
//
// An upload is a transaction. Its bytes go to a temporary beside the target
// and take the target's name when they are whole, so the old version stays
// intact until then and no half of a file is ever seen. Programs that watch the
// folder are told of a file under its name once it is whole, by a rename
// (IN_MOVED_TO). Where the file system has unnamed files (Linux: ext4, XFS, Btrfs,
// tmpfs) a crash leaves nothing. Elsewhere, and for the instant before the rename,
// the temporary has a name that begins with ".paradise-"; such names are hidden
// from listings and refused everywhere, in any letter case. What a dead
// process left of them is removed when a Driver opens the folder again; the
// proof of death is a file lock that has become free.
//
// The folder is the one that its path names, at any time: see [Driver].
//
// A file that is replaced hands its permission bits on, and its owner where
// the process may give files away; not its extended attributes or ACLs: what
// they say is of the old content. Hard links to it keep the old version. A file
// that grows (APPE, REST and STOR) or is moved to another disk is the same one:
// on Linux it keeps its attributes of the user.* kind and its ACL too, where the
// file system takes them. A copy is a new file.
package osfs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/paradiseftp/paradise"
)

// Options say how a [Driver] works. The zero value is a good default.
type Options struct {
	// Durable brings a file and its folder to the disk before an upload is
	// acknowledged, so that it survives the death of the machine. A failed
	// sync is a failed upload. Zero: it survives the death of any process.
	Durable bool

	// FileMode is for new files; the process's umask is taken off. Zero: 0666.
	FileMode fs.FileMode

	// DirMode is for new folders; the process's umask is taken off. Zero: 0777.
	DirMode fs.FileMode

	// InPlaceResume makes uploads with an offset (REST) and appends (APPE)
	// write into the existing file, which spares a copy of its head where the
	// file system cannot share blocks. It gives up the transaction for them:
	// readers see the file grow, a crash leaves a part, an abort cuts the file
	// back to its old length but cannot restore bytes that were overwritten,
	// and a second such writer gets [paradise.ErrBusy]. Zero: the new version
	// is built beside the old one.
	InPlaceResume bool

	// ExclusiveWriters answers [paradise.ErrBusy] to an upload while another
	// one to the same name is under way through this Driver. Zero: both run,
	// and the one that ends last stays, whole.
	ExclusiveWriters bool

	// Owners names the owner and group of a file in listings. It is called for
	// every entry, so it must be fast; see [NumericOwners] and [SystemOwners].
	// Nil: none are told, and paradise shows its own.
	Owners func(uid, gid uint32) (owner, group string)

	// Logger is told that the folder is gone, back, or another one, and what a
	// sweep removed or could not. Nil: nothing is logged.
	Logger *slog.Logger
}

// Driver is a folder as a [paradise.FileDriver]. Open makes one. It is safe for
// concurrent use.
//
// Each call looks at the folder's path. Where another folder is there by now,
// because a file system was mounted over it or it was made anew, that one is
// served from then on. Listings and downloads under way go on in the old one;
// an upload that was begun in it fails at Commit, since nobody would find the
// file. So does one into a folder below that another program has moved out of
// the served one; one that was renamed inside takes its uploads along. While the
// path leads to no folder every call fails with a [paradise.ReplyError] of 451,
// and [Driver.Ready] says why.
type Driver struct {
	served

	path string
	opts Options

	mu     sync.Mutex // held while the folder is exchanged
	at     atomic.Pointer[folder]
	closed bool
	ailing atomic.Bool // what Ready last said was an error
	fault  string      // that error
}

var _ paradise.FileDriver = (*Driver)(nil)

// Open opens a folder, which must exist, and sweeps the leftovers of dead
// processes in the background.
func Open(dir string, o Options) (*Driver, error) {
	o.FileMode = cmp.Or(o.FileMode.Perm(), 0o666)
	o.DirMode = cmp.Or(o.DirMode.Perm(), 0o777)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f, err := openFolder(path, o)
	if err != nil {
		return nil, err
	}
	d := &Driver{path: path, opts: o}
	d.at.Store(f)
	d.pick = func(*paradise.Session) (*folder, error) { return d.now() }
	return d, nil
}

// Close stops the sweep and frees the folder. Uploads and listings under way
// may end afterwards; close it when the server has stopped. A second Close does
// nothing.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed { // a second one would free the folder under a running upload
		d.closed = true
		d.at.Load().retire()
	}
	return nil
}

// Swept is closed when the sweep of the folder that is served now has ended.
func (d *Driver) Swept() <-chan struct{} { return d.at.Load().sweep.done }

// Ready looks at the folder as every call does, and further whether it may be
// entered. It returns nil if it can be served; health checks ask it. It waits for
// the disk.
func (d *Driver) Ready() error {
	f, err := d.renew()
	if f != nil {
		f.top.close()
	}
	return err
}

// now returns the folder that the path names; its user closes top.
func (d *Driver) now() (*folder, error) {
	f := d.at.Load()
	if !d.ailing.Load() && f.lost() == nil {
		if _, err := f.top.retain(); err == nil {
			return f, nil
		}
	}
	f, err := d.renew() // it is gone, or was exchanged or closed
	if f != nil {
		return f, nil
	}
	return nil, err
}

// renew looks closely, and opens the folder again if it is another one. With an
// error it returns the folder too where that one still serves.
func (d *Driver) renew() (*folder, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fs.ErrClosed
	}
	f := d.at.Load()
	err := f.lost()
	if errors.Is(err, errElsewhere) {
		f, err = d.exchange(f)
	}
	if err != nil {
		return nil, d.tell(err)
	}
	if err = f.here(); err == nil {
		err = f.top.mayEnter()
	}
	f.heed(err)
	if _, e := f.top.retain(); e != nil {
		return nil, e
	}
	return f, d.tell(err)
}

// exchange serves what the path names now.
func (d *Driver) exchange(old *folder) (*folder, error) {
	next, err := openFolder(d.path, d.opts)
	if err != nil {
		return nil, err
	}
	d.at.Store(next)
	d.opts.Logger.Warn("osfs: the path names another folder, which is served from now on", "path", d.path)
	go old.retire()
	return next, nil
}

// tell logs that the folder is gone or back, once each, and returns what its
// users are told.
func (d *Driver) tell(err error) error {
	d.ailing.Store(err != nil)
	if err == nil {
		if d.fault != "" {
			d.fault = ""
			d.opts.Logger.Info("osfs: the folder is served again", "path", d.path)
		}
		return nil
	}
	if err.Error() != d.fault {
		d.fault = err.Error()
		d.opts.Logger.Error("osfs: the folder cannot be served", "path", d.path, "err", err)
	}
	return errGone("Storage is not available", err)
}

// errGone hides the kind of err: a folder that is not there is no missing file.
func errGone(text string, err error) error {
	return &paradise.ReplyError{Code: 451, Text: text, Err: fmt.Errorf("osfs: the served folder: %v", err)}
}
