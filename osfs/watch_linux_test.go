package osfs

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// watcher tells what a program that watches a folder is told.
type watcher struct {
	t  *testing.T
	fd int
}

var eventNames = map[uint32]string{
	unix.IN_CREATE: "CREATE", unix.IN_MODIFY: "MODIFY", unix.IN_CLOSE_WRITE: "CLOSE_WRITE", unix.IN_ATTRIB: "ATTRIB",
	unix.IN_MOVED_TO: "MOVED_TO", unix.IN_MOVED_FROM: "MOVED_FROM", unix.IN_DELETE: "DELETE",
}

func watching(t *testing.T, dir string) *watcher {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	mask := uint32(0)
	for bit := range eventNames {
		mask |= bit
	}
	_, err = unix.InotifyAddWatch(fd, dir, mask)
	require.NoError(t, err)
	return &watcher{t, fd}
}

// events returns what has happened since the last call, as "EVENT name".
// Events are queued before the call that makes them returns.
func (w *watcher) events() []string {
	w.t.Helper()
	var all []string
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(w.fd, buf)
		if err == unix.EAGAIN {
			return all
		}
		require.NoError(w.t, err)
		// struct inotify_event: watch, mask, cookie, length of the name, name.
		for rest := buf[:n]; len(rest) > 0; {
			mask, length := binary.NativeEndian.Uint32(rest[4:]), binary.NativeEndian.Uint32(rest[12:])
			name, _, _ := bytes.Cut(rest[16:16+length], []byte{0})
			all = append(all, eventNames[mask&^unix.IN_ISDIR]+" "+string(name))
			rest = rest[16+length:]
		}
	}
}

// of are the events that name a file.
func of(name string, events []string) (kinds []string) {
	for _, e := range events {
		if kind, ok := strings.CutSuffix(e, " "+name); ok {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Programs that take in what is uploaded wait for one of two events: the name
// came by a rename, or a writer closed it. Neither may come before it is whole.
func TestWhoWatchesAFolderIsToldOfAWholeFile(t *testing.T) {
	writes := map[string]struct {
		old  string // of f, empty: there is none
		data string
		o    paradise.StoreOptions
	}{
		"new":         {data: "new"},
		"empty":       {},
		"replaced":    {old: "old", data: "new"},
		"unique":      {data: "new", o: paradise.StoreOptions{Exclusive: true}},
		"appended":    {old: "old", data: "new", o: paradise.StoreOptions{Append: true}},
		"append, new": {data: "new", o: paradise.StoreOptions{Append: true}},
		"resumed":     {old: "old", data: "new", o: paradise.StoreOptions{Offset: 3}},
	}
	for system, makeDir := range needs.FileSystems() {
		for kind, named := range kinds {
			t.Run(system+"/"+kind, func(t *testing.T) {
				dir := makeDir(t)
				d, err := Open(dir, Options{})
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, d.Close()) })
				d.at.Load().named.Store(named || d.at.Load().named.Load())
				for what, write := range writes {
					require.NoError(t, os.RemoveAll(dir+"/f"))
					if write.old != "" {
						put(t, dir, "f", write.old)
					}
					w := watching(t, dir)
					store(t, d, "/f", write.data, write.o)
					events := w.events()
					assert.Equal(t, []string{"MOVED_TO"}, of("f", events), "%s: %q", what, events)
					for _, e := range events {
						// The kernel calls an unnamed file "#" and its number.
						_, name, _ := strings.Cut(e, " ")
						assert.True(t, name == "f" || name[0] == '#' || hidden(name), "%s: %s", what, e)
					}
				}
				w := watching(t, dir)
				require.NoError(t, d.Copy(ctx, session, "/f", "/copy", paradise.CopyOptions{}))
				assert.Equal(t, []string{"MOVED_TO"}, of("copy", w.events()))
				require.NoError(t, d.Rename(ctx, session, "/copy", "/moved", paradise.RenameOptions{}))
				assert.Equal(t, []string{"MOVED_TO"}, of("moved", w.events()))
			})
		}
	}
}

func TestWhoWatchesAFolderIsToldOfWritesInPlace(t *testing.T) {
	d, dir := open(t, Options{InPlaceResume: true})
	put(t, dir, "f", "old")
	w := watching(t, dir)
	store(t, d, "/f", "new", paradise.StoreOptions{Append: true})
	events := of("f", w.events())
	assert.Equal(t, "CLOSE_WRITE", events[len(events)-1])
}

// NFS has no rename that spares what is there.
func TestALinkInPlaceOfARenameIsAnnouncedToo(t *testing.T) {
	d, dir := open(t, Options{})
	top := d.at.Load().top
	put(t, dir, "from", "new")
	w := watching(t, dir)
	require.NoError(t, top.linkNew("from", top, "to"))
	assert.Equal(t, []string{"CREATE", "CLOSE_WRITE"}, of("to", w.events()))
	assert.Equal(t, []string{"to"}, names(t, d, "/"))
	put(t, dir, "from", "newer")
	require.ErrorIs(t, top.linkNew("from", top, "to"), os.ErrExist)
	assert.Equal(t, "new", get(t, dir, "to"))
	require.NoError(t, os.Remove(dir+"/from"))

	require.NoError(t, d.Mkdir(ctx, session, "/d"))
	require.ErrorIs(t, top.linkNew("d", top, "to"), os.ErrExist, "folders have no links")
	require.NoError(t, top.linkNew("d", top, "e"))
	assert.Equal(t, []string{"MOVED_TO"}, of("e", w.events()))
}
