// Package osfs serves a folder of the local file system: the default storage
// of paradise.
//
// Nothing outside the folder can be reached, by "..", by a symbolic link or by
// a race between the two: names are resolved by [os.Root]. Links that stay
// inside are followed; FIFOs, sockets and devices are refused.
//
// An upload is a transaction. Its bytes go to a temporary beside the target
// and take the target's name when they are whole, so the old version stays
// intact until then and no half of a file is ever seen. Where the file system
// has unnamed files (Linux: ext4, XFS, Btrfs, tmpfs) a crash leaves nothing.
// Elsewhere, and for the instant in which an existing file is replaced, the
// temporary has a name that begins with ".paradise-"; such names are hidden
// from listings and refused everywhere, in any letter case. What a dead
// process left of them is removed when a Driver opens the folder again; the
// proof of death is a file lock that has become free.
//
// A file that is replaced hands its permission bits on, and its owner where
// the process may give files away; not its extended attributes or ACLs, and
// hard links to it keep the old version.
package osfs

import (
	"cmp"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/namelock"
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

	// Logger is told what a sweep removed and why it could not. Nil: nothing is
	// logged.
	Logger *slog.Logger
}

// Driver is a folder as a [paradise.FileDriver]. Open makes one. It is safe for
// concurrent use.
type Driver struct {
	paradise.UnimplementedFileDriver

	root   *os.Root
	top    *dir   // the folder itself; it owns root
	prefix string // where it lies below the folder that has the register
	closed sync.Once
	*shared
}

// shared is what the drivers of one base folder have in common.
type shared struct {
	opts    Options
	sync    syncer
	reg     *register
	commits namelock.Names // one commit per name at a time
	busy    nameSet        // names that admit one writer only
	sweep   *sweeper
	named   atomic.Bool // no use in trying for unnamed temporaries
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
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	top, err := openTop(root)
	if err != nil {
		return nil, err
	}
	sh := &shared{opts: o, sync: newSyncer()}
	sh.named.Store(!top.canLink())
	sh.reg = newRegister(top, o.Durable, o.Logger)
	sh.sweep = startSweep(top, o.Logger)
	return &Driver{root: root, top: top, shared: sh}, nil
}

// Close stops the sweep and frees the folder. Uploads and listings under way
// may end afterwards; close it when the server has stopped. A second Close does
// nothing.
func (d *Driver) Close() error {
	d.closed.Do(func() { // a second one would free the folder under a running upload
		d.sweep.stop()
		d.reg.close()
		d.top.close()
	})
	return nil
}

// Swept is closed when the sweep that Open started has ended.
func (d *Driver) Swept() <-chan struct{} { return d.sweep.done }

// Features implements [paradise.FileDriver].
func (d *Driver) Features(*paradise.Session) paradise.Features { return features() }

func features() paradise.Features {
	f := paradise.FeatureRange | paradise.FeatureResume | paradise.FeatureLinks | paradise.FeatureAppend | paradise.FeatureSetTime | platformFeatures
	if os.Geteuid() == 0 {
		f |= paradise.FeatureSetOwner
	}
	return f
}

// Space implements [paradise.FileDriver]: what the file system has left for an
// unprivileged user.
func (d *Driver) Space(_ context.Context, _ *paradise.Session, name string) (int64, error) {
	rel, err := clean(name)
	if err != nil {
		return 0, err
	}
	f, err := d.top.open(rel)
	if err != nil {
		return 0, mapError(err)
	}
	defer f.close()
	n, err := f.space()
	return n, mapError(err)
}

// parent opens the folder that holds name and returns name's last element.
func (d *Driver) parent(name string) (*dir, string, error) {
	rel, err := clean(name)
	if err != nil {
		return nil, "", err
	}
	parent, base := split(rel)
	if base == "." {
		return nil, "", errRoot
	}
	f, err := d.top.open(parent)
	return f, base, mapError(err)
}
