package paradise

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"time"
)

// FileDriver is the storage behind a server. The core calls it from many
// goroutines at once; it must be safe for that.
//
// Names are virtual: absolute, slash-separated, cleaned, valid UTF-8 where the
// client sent that, and free of NUL, CR and LF. Keeping a name inside the
// storage (links included) is the driver's job.
//
// An error from one of these methods refuses the command before its 150 reply;
// an error from what the method returned comes after it. Errors choose the
// reply through [errors.Is] and [errors.As]: see [ReplyError] and the sentinel
// errors of this package. Their text goes to the log, never to the client.
//
// ctx ends when the session does; a driver that can be slow must watch it.
// s holds frozen facts about who asks; a driver may keep its ID, not the pointer.
//
// Embed [UnimplementedFileDriver] to leave methods out and stay compatible when
// the interface grows. A wrapper that observes embeds the FileDriver it wraps
// and returns [errors.ErrUnsupported] from Copy, so that the core copies through
// the wrapper; a wrapper that restricts embeds UnimplementedFileDriver and
// passes on what it allows. Package paradisetest examines implementations.
type FileDriver interface {
	// Features says what works somewhere below "/" for this session. FEAT
	// follows it. s is never nil, but before login its User is zero.
	Features(s *Session) Features

	// Stat describes a name and follows links.
	Stat(ctx context.Context, s *Session, name string) (Entry, error)

	// List returns the entries of a folder as a stream. The core ranges over
	// it exactly once, perhaps only to break at once, and ctx lives until the
	// range ends: what the listing holds is freed there.
	List(ctx context.Context, s *Session, dir string) (Listing, error)

	// Open opens a file for reading at offset; a folder is [ErrIsDir], an
	// offset beyond the end [ErrBadOffset]. Where the result is an *os.File,
	// or has a method File() *os.File, plain downloads use sendfile.
	Open(ctx context.Context, s *Session, name string, offset int64) (io.ReadCloser, error)

	// Store prepares an upload: it checks and reserves, and publishes nothing.
	// ctx is that of the Upload's Begin and Writes too; it dies when the
	// transfer is aborted and must unblock them.
	Store(ctx context.Context, s *Session, name string, o StoreOptions) (Upload, error)

	// Mkdir makes one folder; fs.ErrExist where the name is taken.
	Mkdir(ctx context.Context, s *Session, name string) error

	// Remove deletes a file, not a folder ([ErrIsDir]).
	Remove(ctx context.Context, s *Session, name string) error

	// RemoveDir deletes an empty folder ([ErrNotEmpty], [ErrNotDir]).
	RemoveDir(ctx context.Context, s *Session, name string) error

	// Rename moves a file or folder. It replaces a file, never a folder, and
	// with NoReplace nothing. One that cannot do it by names alone calls [Step].
	Rename(ctx context.Context, s *Session, from, to string, o RenameOptions) error

	// Copy copies a file on the storage's side, as from is when the copy
	// appears. errors.ErrUnsupported makes the core copy by Open and Store.
	// One that takes long calls [Step].
	Copy(ctx context.Context, s *Session, from, to string, o CopyOptions) error

	// SetAttr changes what a sets: all of it, or errors.ErrUnsupported and
	// nothing.
	SetAttr(ctx context.Context, s *Session, name string, a Attr) error

	// Space returns the bytes this user may still store below dir.
	Space(ctx context.Context, s *Session, dir string) (int64, error)
}

// Step is for a Rename or Copy that has to move bytes, as to another disk. The
// driver calls it before the first and again before each further part that takes a
// while, on the goroutine that was called, and returns its error if there is one.
// Timeouts.Driver then bounds the time between two steps, not the whole.
//
// The first Step of a Rename may fail although nothing is wrong: the core then calls
// Rename again from where it can answer the client meanwhile and ABOR ends it. So
// nothing may have changed before that. With a ctx of another origin Step returns the
// cause of ctx's end, or nil.
func Step(ctx context.Context) error {
	if step, ok := ctx.Value(stepKey{}).(func() error); ok {
		if err := step(); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// stepKey is where a ctx has what Step calls.
type stepKey struct{}

// Features is a set of abilities of a [FileDriver]; | joins, &^ masks.
type Features uint32

const (
	FeatureRange      Features = 1 << iota // Open takes an offset (REST and RANG before RETR)
	FeatureResume                          // Store takes an offset (REST before STOR)
	FeatureAppend                          // Store takes Append (APPE to an existing file)
	FeatureSetTime                         // SetAttr takes ModTime
	FeatureSetCreated                      // SetAttr takes Created
	FeatureSetMode                         // SetAttr takes Mode
	FeatureSetOwner                        // SetAttr takes Owner and Group
	FeatureSpace                           // Space works (AVBL)
	FeatureLinks                           // List shows symbolic links, also those that Stat cannot follow
)

// Entry describes a file or folder. It is a value.
type Entry struct {
	Name    string      // last element of the name
	Size    int64       // bytes; -1 if unknown
	Mode    fs.FileMode // type and permission bits
	ModTime time.Time   // zero if unknown
	Created time.Time   // zero if unknown
	Owner   string      // empty: "paradise" is shown
	Group   string      // empty: "ftp" is shown
	Target  string      // where a symbolic link points
	Unique  string      // identifies the file whatever its name (RFC 3659, 7.5.2); empty if unknown

	// Version is opaque and changes with the content: for one name, two equal
	// versions mean the same bytes, as surely as the storage can tell. Use an ETag,
	// a generation, or what the file system tells of a change. An upload of the same
	// bytes may change it. Empty if unknown. Stat returns it; List need not.
	Version string

	// Deny is what nobody can do to the file or folder, whatever the user may: as of
	// a mount or on a medium that is only read. The perm fact leaves it out. The
	// storage refuses by itself. Zero: nothing is known to be denied.
	Deny Perm
}

// IsDir reports whether e is a folder.
func (e Entry) IsDir() bool { return e.Mode.IsDir() }

// EntryOf makes an Entry of what the standard library says of a file.
func EntryOf(fi fs.FileInfo) Entry {
	return Entry{Name: fi.Name(), Size: fi.Size(), Mode: fi.Mode(), ModTime: fi.ModTime()}
}

// Listing is a stream of entries: each once, without "." and "..". An error is
// the last thing it yields.
type Listing = iter.Seq2[Entry, error]

// Entries makes a Listing of a slice.
func Entries(entries []Entry) Listing {
	return func(yield func(Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// StoreOptions say what an upload is to become. The zero value replaces the
// file or creates it.
type StoreOptions struct {
	// The result is old[:Offset] + data. Beyond the end: ErrBadOffset; ErrBusy at Commit
	// if old has changed since.
	Offset    int64
	Append    bool  // the result is old + data, old as it is at Commit
	Exclusive bool  // fs.ErrExist, at Store or at Commit, if the name is taken; with Append too
	Existing  bool  // fs.ErrNotExist, at Store or at Commit, if the name is free
	SizeHint  int64 // from ALLO; 0 if unknown; never a promise

	// Accept is nil, or set where the result is not only what came: with Offset or
	// Append, and for files that the core joins or copies. What it is made of may
	// have changed since Begin, and with it what the whole becomes or whether it
	// may be. Commit must ask it about the result as it is published then:
	// with its first bytes, 4096 or all there are, valid during the call only,
	// and its size. Its error fails the Commit. It may call the driver's Stat and
	// Open.
	Accept func(head []byte, size int64) error
}

// RenameOptions say how a file or folder is moved. The zero value replaces a file
// that has the name.
type RenameOptions struct {
	// NoReplace fails with fs.ErrExist if the name is taken at the moment of
	// the move, by whatever. A name that stands for the file itself, as on a
	// file system that folds letter case, is not taken.
	NoReplace bool

	// Folder fails with ErrNotDir unless what moves is a folder, at that moment.
	Folder bool

	// Version, unless it is empty, is an [Entry.Version] that Stat has told of
	// from. It fails with ErrBusy if what moves has another one at that moment.
	Version string
}

// CopyOptions say how a file is copied. The zero value replaces a file that has
// the name.
type CopyOptions struct {
	// NoReplace fails with fs.ErrExist if the name is taken at the moment when
	// the copy appears.
	NoReplace bool

	// Accept is nil, or must be asked about the copy before it appears, as that
	// of [StoreOptions] is. Its error fails the Copy.
	Accept func(head []byte, size int64) error
}

// Attr is a change of attributes; what is zero stays as it is.
type Attr struct {
	SetMode bool        // whether Mode is meant
	Mode    fs.FileMode // permission bits only
	ModTime time.Time
	Created time.Time
	Owner   string
	Group   string
}

// UploadInfo is what the first bytes of an upload tell.
type UploadInfo struct {
	// ContentType is the MIME type of the resulting file, without parameters:
	// with Offset or Append the core looks at the old head. Empty if unknown,
	// which an allow-list refuses.
	ContentType string
	// Ancestors are more general types of the same content, nearest first.
	Ancestors []string
	// Head holds the first bytes that came; valid during the call only.
	Head []byte
	// Whole says that Head is all there is.
	Whole bool
}

// Upload is one file on its way in. The core calls [Begin Write*] and then
// Commit or Abort, all from one goroutine at a time. A call that outlasts
// Timeouts.Driver finds its ctx ended and is left behind soon after.
//
// Abort is called exactly once unless Commit returned nil: also without Begin,
// after a Begin or a Commit that failed, and after a panic.
//
// An Upload may have a method File() *os.File besides. Between Begin and Commit
// the core then moves plain bytes into that file by splice, where it can, in
// place of some calls of Write; nil says that it must not.
type Upload interface {
	// Begin comes after the first bytes are known and let in, before the first
	// Write; also for an empty file.
	Begin(ctx context.Context, u UploadInfo) error

	// Write takes the next bytes; it must not keep p. It ends with Store's ctx.
	io.Writer

	// Commit publishes the whole file. The reply 226 is sent only after nil.
	// Store's ctx lives on until Commit returns, whatever the client does. An
	// error means that nothing was published, but for [ErrUnknownOutcome].
	Commit(ctx context.Context) error

	// Abort frees everything and publishes nothing. cause says why; ctx is
	// alive.
	Abort(ctx context.Context, cause error)
}

// UnimplementedFileDriver refuses everything with [errors.ErrUnsupported].
// Embed it by value.
//
// A driver that leaves Stat out lets CWD go anywhere, and one that leaves List
// out shows every folder as empty, so that devices which look around before they
// upload are served; all else that is left out is answered with 502.
type UnimplementedFileDriver struct{}

var _ FileDriver = UnimplementedFileDriver{}

func (UnimplementedFileDriver) Features(*Session) Features { return 0 }

func (UnimplementedFileDriver) Stat(context.Context, *Session, string) (Entry, error) {
	return Entry{}, errUnsupported
}

func (UnimplementedFileDriver) List(context.Context, *Session, string) (Listing, error) {
	return nil, errUnsupported
}

func (UnimplementedFileDriver) Open(context.Context, *Session, string, int64) (io.ReadCloser, error) {
	return nil, errUnsupported
}

func (UnimplementedFileDriver) Store(context.Context, *Session, string, StoreOptions) (Upload, error) {
	return nil, errUnsupported
}

func (UnimplementedFileDriver) Mkdir(context.Context, *Session, string) error { return errUnsupported }

func (UnimplementedFileDriver) Remove(context.Context, *Session, string) error { return errUnsupported }

func (UnimplementedFileDriver) RemoveDir(context.Context, *Session, string) error {
	return errUnsupported
}

func (UnimplementedFileDriver) Rename(context.Context, *Session, string, string, RenameOptions) error {
	return errUnsupported
}

func (UnimplementedFileDriver) Copy(context.Context, *Session, string, string, CopyOptions) error {
	return errUnsupported
}

func (UnimplementedFileDriver) SetAttr(context.Context, *Session, string, Attr) error {
	return errUnsupported
}

func (UnimplementedFileDriver) Space(context.Context, *Session, string) (int64, error) {
	return 0, errUnsupported
}
