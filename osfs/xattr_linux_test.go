package osfs

import (
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

const aclName = "system.posix_acl_access"

// accessList lets the user 1234 read, and the file's group nothing, although the mode
// bits of such a file are 0640: those of its group are the most that anybody named has.
func accessList() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range [][3]uint32{{0x01, 6, ^uint32(0)}, {0x02, 4, 1234}, {0x04, 0, ^uint32(0)}, {0x10, 4, ^uint32(0)}, {0x20, 0, ^uint32(0)}} {
		b = binary.LittleEndian.AppendUint16(b, uint16(e[0]))
		b = binary.LittleEndian.AppendUint16(b, uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(b, e[2])
	}
	return b
}

// mark gives a file attributes, and may skip the test.
func mark(t *testing.T, name string) map[string]string {
	t.Helper()
	all := map[string]string{"user.note": "from the scanner", "user.empty": "", "user.large": strings.Repeat("x", 1000), aclName: string(accessList())}
	for attr, value := range all {
		err := unix.Setxattr(name, attr, []byte(value), 0)
		needs.That(t, err == nil, "the file system of "+name+" takes no "+attr)
	}
	return all
}

func attributes(t *testing.T, name string) map[string]string {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	found := map[string]string{}
	for _, attr := range attributesOf(int(f.Fd())) {
		if strings.HasPrefix(attr, "user.") || attr == aclName {
			found[attr] = string(attribute(int(f.Fd()), attr))
		}
	}
	return found
}

func TestAFileThatIsMovedKeepsItsAttributes(t *testing.T) {
	d, dir := twoDisks(t, Options{})
	for _, mode := range []os.FileMode{0o640, 0o440, 0o755} {
		put(t, dir, "f", "x")
		put(t, dir, "disk/g", "old")
		want := mark(t, dir+"/f")
		_ = unix.Setxattr(dir+"/disk/g", "user.old", []byte("gone with it"), 0)
		require.NoError(t, os.Chmod(dir+"/f", mode))
		want[aclName] = attributes(t, dir+"/f")[aclName] // whose most is of the mode
		require.NoError(t, rename(d, "/f", "/disk/g"))
		assert.Equal(t, want, attributes(t, dir+"/disk/g"))
		fi, err := os.Stat(dir + "/disk/g")
		require.NoError(t, err)
		assert.Equal(t, mode, fi.Mode())
		require.NoError(t, rename(d, "/disk/g", "/f"))
		assert.Equal(t, want, attributes(t, dir+"/f"), "and back")
		require.NoError(t, os.Remove(dir+"/f"))
	}
}

// A file that grows is the same file. One that is replaced or copied is not.
func TestAFileThatGrowsKeepsItsAttributes(t *testing.T) {
	eachKind(t, Options{}, func(t *testing.T, d *Driver, dir string) {
		for how, c := range map[string]struct {
			o     paradise.StoreOptions
			keeps bool
		}{
			"append":    {paradise.StoreOptions{Append: true}, true},
			"resume":    {paradise.StoreOptions{Offset: 2}, true},
			"replacing": {paradise.StoreOptions{}, false},
		} {
			put(t, dir, "f", "old")
			want := mark(t, dir+"/f")
			u := begin(t, d, "/f", "new", c.o)
			require.NoError(t, unix.Setxattr(dir+"/f", "user.late", []byte("x"), 0))
			want["user.late"] = "x"
			require.NoError(t, u.Commit(ctx))
			if !c.keeps {
				want = map[string]string{}
			}
			assert.Equal(t, want, attributes(t, dir+"/f"), how)
			require.NoError(t, os.Remove(dir+"/f"))
		}

		put(t, dir, "f", "old")
		mark(t, dir+"/f")
		u := begin(t, d, "/f", "new", paradise.StoreOptions{Append: true})
		store(t, d, "/f", "another", paradise.StoreOptions{})
		require.NoError(t, unix.Setxattr(dir+"/f", "user.note", []byte("of another"), 0))
		require.NoError(t, u.Commit(ctx))
		assert.Equal(t, map[string]string{"user.note": "of another"}, attributes(t, dir+"/f"), "those of the file that it was added to")
		require.NoError(t, os.Remove(dir+"/f"))

		put(t, dir, "f", "old")
		want := mark(t, dir+"/f")
		require.NoError(t, d.Copy(ctx, session, "/f", "/g", paradise.CopyOptions{}))
		assert.Empty(t, attributes(t, dir+"/g"))
		assert.Equal(t, want, attributes(t, dir+"/f"))
	})
}

// An unprivileged server may give an attribute only while the file may be written.
func TestAttributesAreKeptOfFilesThatMayNotBeWritten(t *testing.T) {
	d, parent, _ := within(t, Options{})
	require.NoError(t, os.Chmod(parent, 0o755))
	require.NoError(t, os.Chmod(parent+"/served", 0o777))
	put(t, parent, "served/f", "x")
	require.NoError(t, unix.Setxattr(parent+"/served/f", "user.note", []byte("x"), 0))
	require.NoError(t, os.Chmod(parent+"/served/f", 0o444))
	var err error
	asNobody(t, func() { err = moveWithin(ctx, d, "f", "g", func() {}) })
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"user.note": "x"}, attributes(t, parent+"/served/g"))
}
