package osfs

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// dir is an open folder. os.Root resolved it, so what lies directly in it lies
// in the root; names are single elements and links are never followed.
type dir struct {
	root  *os.Root // set in the root's own dir only, which closes it
	rel   string   // the name that it was opened by; it may have another one since
	up    *dir     // held open too; nil: none
	f     *os.File // O_PATH: folders that may be written but not read work too
	fd    int
	users atomic.Int32
}

// openTop opens the folder of a root and takes the root over.
func openTop(root *os.Root) (*dir, error) {
	d, err := newDir(root, ".")
	if err != nil {
		return nil, closing(err, root)
	}
	d.root = root
	return d, nil
}

// open opens a folder below d, which is a root's own.
func (d *dir) open(rel string) (*dir, error) {
	if rel == "." {
		return d.retain()
	}
	sub, err := newDir(d.root, rel)
	if err != nil {
		return nil, err
	}
	return sub, sub.hold(d)
}

func newDir(root *os.Root, rel string) (*dir, error) {
	f, err := root.OpenFile(rel, unix.O_PATH|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	d := &dir{rel: rel, f: f, fd: int(f.Fd())}
	d.users.Store(1)
	return d, nil
}

// free ends a folder that has no user left.
func (d *dir) free() {
	d.f.Close()
	if d.root != nil {
		d.root.Close()
	}
	if d.up != nil {
		d.up.close()
	}
}

// statPath describes what a path leads to.
func statPath(path string) (info, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return info{}, pathError("stat", path, err)
	}
	return infoOfStat(&st), nil
}

// self describes the folder itself.
func (d *dir) self() (info, error) {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return info{}, pathError("stat", ".", err)
	}
	return infoOfStat(&st), nil
}

// deepest bounds a climb. A name of 4096 bytes, which is the longest, has half as many
// elements.
const deepest = 4096

// below climbs from d and reports whether it comes to top. Each folder is held while it
// is asked for its parent, so renames below top lead nobody past it. To be kept from
// climbing is an error: a folder may have been moved to where this process may not look.
//
// The kernel climbs into what is mounted over a folder above. So the only one that may
// have its parent in another mount is the root of a mount.
func (d *dir) below(top info) (bool, error) {
	at := d.fd
	defer func() {
		if at != d.fd {
			unix.Close(at)
		}
	}()
	var last unix.Statx_t
	for step := range deepest {
		now, err := mountOf(at)
		covered := step > 0 && now.Mnt_id != last.Mnt_id && last.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0
		switch {
		case err == unix.ENOSYS || err == unix.EPERM: // old, or a sandbox that is
			return true, nil
		case err != nil:
			return false, pathError("statx", "..", err)
		case covered:
			return false, nil
		case now.Ino == top.ino && devOf(&now) == top.dev:
			return true, nil
		case now.Ino == last.Ino && devOf(&now) == devOf(&last): // nothing is above
			return false, nil
		}
		up, err := ignoringEINTR(func() (int, error) {
			return unix.Openat(at, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		})
		if err != nil {
			return false, pathError("open", "..", err)
		}
		if at != d.fd {
			unix.Close(at)
		}
		at, last = up, now
	}
	return false, nil
}

func devOf(st *unix.Statx_t) uint64 { return unix.Mkdev(st.Dev_major, st.Dev_minor) }

// mountOf tells in which mount a folder is. Linux before 5.8 gives all the number 0.
func mountOf(fd int) (st unix.Statx_t, err error) {
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_MNT_ID, &st)
	return st, err
}

// stat follows links, out of the folder too: it is for comparing only.
func (d *dir) stat(name string) (info, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, 0); err != nil {
		return info{}, pathError("stat", name, err)
	}
	return infoOfStat(&st), nil
}

// mayEnter tries whether names in the folder can be looked up.
func (d *dir) mayEnter() error {
	f, err := d.openat("open", ".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// openat opens a name in the folder as a file that is not polled.
func (d *dir) openat(op, name string, flag int, perm fs.FileMode) (*os.File, error) {
	for {
		fd, err := unix.Openat(d.fd, name, flag|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NOCTTY, uint32(perm.Perm()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// openFile opens a regular file and never waits for the other end of a FIFO.
// A link is errLink.
func (d *dir) openFile(name string, flag int) (*os.File, info, error) {
	for {
		fd, err := unix.Openat(d.fd, name, flag|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		switch err {
		case nil:
			return regular(fd, name)
		case unix.EINTR:
		case unix.ELOOP:
			return nil, info{}, errLink
		default:
			return nil, info{}, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// regular makes a file of a descriptor that was opened with O_NONBLOCK.
func regular(fd int, name string) (*os.File, info, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	i := infoOfStat(&st)
	switch {
	case err != nil:
		err = &fs.PathError{Op: "fstat", Path: name, Err: err}
	case i.mode.IsDir():
		err = errIsDir(name)
	case !i.mode.IsRegular():
		err = errSpecial(name)
	default:
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, 0)
	}
	if err != nil {
		unix.Close(fd)
		return nil, info{}, err
	}
	return os.NewFile(uintptr(fd), name), i, nil
}

func (d *dir) create(name string, perm fs.FileMode) (*os.File, error) {
	return d.openat("create", name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, perm)
}

// createUnnamed makes a file that no name leads to, or errors.ErrUnsupported.
func (d *dir) createUnnamed(perm fs.FileMode) (*os.File, error) {
	f, err := d.openat("create", ".", unix.O_RDWR|unix.O_TMPFILE, perm)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EINVAL) {
		return nil, errors.ErrUnsupported
	}
	return f, err
}

// linkUnnamed gives an unnamed file a name that must be free.
func (d *dir) linkUnnamed(f *os.File, name string) error {
	fd := int(f.Fd())
	err := unix.Linkat(fd, "", d.fd, name, unix.AT_EMPTY_PATH)
	if err == unix.ENOENT { // how older kernels refuse it to the unprivileged
		err = unix.Linkat(unix.AT_FDCWD, procPath(fd), d.fd, name, unix.AT_SYMLINK_FOLLOW)
	}
	return pathError("link", name, err)
}

// canLink reports whether linkUnnamed can work in this process: the name "."
// always exists, so a link that gets as far as that fails with EEXIST.
func (d *dir) canLink() bool {
	return unix.Linkat(d.fd, "", d.fd, ".", unix.AT_EMPTY_PATH) == unix.EEXIST ||
		unix.Linkat(unix.AT_FDCWD, procPath(d.fd), d.fd, ".", unix.AT_SYMLINK_FOLLOW) == unix.EEXIST
}

func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

func (d *dir) lstat(name string) (info, error) {
	var st unix.Stat_t
	if err := d.lstatTo(name, &st); err != nil {
		return info{}, err
	}
	return infoOfStat(&st), nil
}

// lstatTo spares who asks often the copy of an info.
func (d *dir) lstatTo(name string, st *unix.Stat_t) error {
	return pathError("stat", name, unix.Fstatat(d.fd, name, st, unix.AT_SYMLINK_NOFOLLOW))
}

func (d *dir) mkdir(name string, perm fs.FileMode) error {
	return pathError("mkdir", name, unix.Mkdirat(d.fd, name, uint32(perm.Perm())))
}

func (d *dir) remove(name string) error {
	return pathError("remove", name, unix.Unlinkat(d.fd, name, 0))
}

func (d *dir) removeDir(name string) error {
	return pathError("rmdir", name, unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR))
}

func (d *dir) readlink(name string) (string, error) {
	b := make([]byte, 256)
	for {
		n, err := unix.Readlinkat(d.fd, name, b)
		if err != nil {
			return "", pathError("readlink", name, err)
		}
		if n < len(b) {
			return string(b[:n]), nil
		}
		b = make([]byte, 2*len(b))
	}
}

func (d *dir) symlink(text, name string) error {
	return pathError("symlink", name, unix.Symlinkat(text, d.fd, name))
}

// setTime sets the time of an open file, which may have no name.
func (d *dir) setTime(f *os.File, _ string, mtime time.Time) error {
	at := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(mtime.UnixNano())}
	err := unix.UtimesNanoAt(int(f.Fd()), "", at, unix.AT_EMPTY_PATH)
	if err == unix.EINVAL || err == unix.ENOENT { // Linux before 5.8
		err = unix.UtimesNanoAt(unix.AT_FDCWD, procPath(int(f.Fd())), at, 0)
	}
	return pathError("utimensat", f.Name(), err)
}

// mayChange asks whether names may be removed from the folder.
func (d *dir) mayChange() error {
	return pathError("remove", ".", unix.Faccessat(d.fd, ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS))
}

// isMount reports whether a file system is mounted at a name.
func (d *dir) isMount(name string) bool {
	var st unix.Statx_t
	err := unix.Statx(d.fd, name, unix.AT_SYMLINK_NOFOLLOW, 0, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// rename replaces a file, never a folder.
func (d *dir) rename(from string, to *dir, name string) error {
	return pathError("rename", from, unix.Renameat(d.fd, from, to.fd, name))
}

// renameNew takes a name that must be free.
func (d *dir) renameNew(from string, to *dir, name string) error {
	err := unix.Renameat2(d.fd, from, to.fd, name, unix.RENAME_NOREPLACE)
	if err != unix.EINVAL && err != unix.ENOSYS {
		return pathError("rename", from, err)
	}
	return d.linkNew(from, to, name)
}

// linkNew is renameNew for file systems without the flag, as NFS: a link takes a
// free name in one step. Folders have none, nor have the files of some systems.
func (d *dir) linkNew(from string, to *dir, name string) error {
	switch err := unix.Linkat(d.fd, from, to.fd, name, 0); err {
	case nil:
		to.announce(name)
		return d.remove(from)
	case unix.EEXIST, unix.ENOENT:
		return pathError("rename", from, err)
	}
	if _, err := to.lstat(name); err == nil {
		return pathError("rename", name, unix.EEXIST)
	}
	return d.rename(from, to, name)
}

// announce tells those who watch the folder that a file is whole, which a link
// does not.
func (d *dir) announce(name string) {
	if f, err := d.openat("open", name, unix.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
		f.Close()
	}
}

func (d *dir) space() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(d.fd, &st); err != nil {
		return 0, pathError("statfs", ".", err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// fsync brings the folder's names to the disk.
func (d *dir) fsync() error {
	f, err := d.openat("open", ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

func infoOfStat(st *unix.Stat_t) (i info) {
	i.set(st)
	return i
}

func (i *info) set(st *unix.Stat_t) {
	i.mode = modeOf(st.Mode)
	i.size = st.Size
	i.mtime = time.Unix(st.Mtim.Unix())
	i.dev, i.ino = uint64(st.Dev), st.Ino
	i.uid, i.gid, i.links = st.Uid, st.Gid, uint64(st.Nlink)
}

func modeOf(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	default:
		mode |= fs.ModeIrregular
	}
	if m&unix.S_ISUID != 0 {
		mode |= fs.ModeSetuid
	}
	if m&unix.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if m&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}
