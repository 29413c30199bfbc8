package quota_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/quota"
)

// sum is what the files of a storage are, without the quota's help.
func sum(t *testing.T, d paradise.FileDriver, dir string) (bytes, files int64) {
	t.Helper()
	entries, err := d.List(t.Context(), anna, dir)
	require.NoError(t, err)
	for e, err := range entries {
		require.NoError(t, err)
		if e.IsDir() {
			b, f := sum(t, d, path.Join(dir, e.Name))
			bytes, files = bytes+b, files+f
			continue
		}
		bytes, files = bytes+e.Size, files+1
	}
	return bytes, files
}

// walk makes random changes, uploads that overlap among them.
type walk struct {
	t       *testing.T
	r       *rand.Rand
	q       *quota.Driver
	running []paradise.Upload
	log     []string
}

func (w *walk) name() string {
	name := "/" + string(rune('a'+w.r.IntN(5)))
	if w.r.IntN(3) == 0 {
		return "/" + string(rune('x'+w.r.IntN(2))) + name
	}
	return name
}

func (w *walk) did(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *walk) step() {
	ctx := w.t.Context()
	switch w.r.IntN(9) {
	case 0, 1, 2:
		w.store()
	case 3, 4:
		w.end()
	case 5:
		name := w.name()
		w.did("remove %s: %v", name, w.q.Remove(ctx, anna, name))
	case 6:
		from, to := w.name(), w.name()
		w.did("rename %s %s: %v", from, to, w.q.Rename(ctx, anna, from, to, paradise.RenameOptions{}))
	case 7:
		from, to := path.Dir(w.name()), path.Dir(w.name())
		w.did("rename %s %s: %v", from, to, w.q.Rename(ctx, anna, from, to, paradise.RenameOptions{}))
	case 8:
		dir := "/" + string(rune('x'+w.r.IntN(2)))
		w.did("mkdir %s: %v", dir, w.q.Mkdir(ctx, anna, dir))
	}
}

func (w *walk) store() {
	o := paradise.StoreOptions{Append: w.r.IntN(4) == 0, Exclusive: w.r.IntN(8) == 0}
	if !o.Append && w.r.IntN(3) == 0 {
		o.Offset = w.r.Int64N(50)
	}
	if w.r.IntN(4) == 0 {
		o.SizeHint = w.r.Int64N(300)
	}
	name, size := w.name(), w.r.IntN(300)
	u, err := w.q.Store(w.t.Context(), anna, name, o)
	w.did("store %s %+v %d: %v", name, o, size, err)
	if err != nil {
		return
	}
	err = u.Begin(w.t.Context(), paradise.UploadInfo{})
	if err == nil {
		_, err = u.Write(make([]byte, size))
	}
	if err != nil {
		w.did("abort: %v", err)
		u.Abort(w.t.Context(), err)
		return
	}
	w.running = append(w.running, u)
}

// end ends one of the uploads that run.
func (w *walk) end() {
	if len(w.running) == 0 {
		return
	}
	i := w.r.IntN(len(w.running))
	u := w.running[i]
	w.running = append(w.running[:i], w.running[i+1:]...)
	err := errors.New("by chance")
	if w.r.IntN(4) > 0 {
		err = u.Commit(w.t.Context())
	}
	w.did("end: %v", err)
	if err != nil {
		u.Abort(w.t.Context(), err)
	}
}

func TestUsageIsTheSumOfTheFilesAfterEachStep(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inner := storage(t, seed)
			limits := quota.Limits{Bytes: 1000, Files: 6}
			q := quota.New(inner, quota.Options{Limits: quota.Fixed(limits), Step: 1 + int64(seed)*7})
			defer q.Close()
			w := &walk{t: t, r: rand.New(rand.NewPCG(seed, 1)), q: q}
			for range 150 {
				w.step()
				bytes, files := sum(t, inner, "/")
				u, _, err := q.Usage(t.Context(), anna)
				require.NoError(t, err)
				require.Equal(t, quota.Usage{Bytes: bytes, Files: files}, u, "%q", w.log)
				require.LessOrEqual(t, bytes, limits.Bytes, "%q", w.log)
				require.LessOrEqual(t, files, limits.Files, "%q", w.log)
			}
			w.leaveNothingReserved()
		})
	}
}

func storage(t *testing.T, seed uint64) paradise.FileDriver {
	if seed%2 == 0 {
		return memfs.New()
	}
	d, err := osfs.Open(t.TempDir(), osfs.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d
}

func (w *walk) leaveNothingReserved() {
	for len(w.running) > 0 {
		w.end()
	}
	u, l, err := w.q.Usage(w.t.Context(), anna)
	require.NoError(w.t, err)
	if u.Files < l.Files {
		assert.Equal(w.t, l.Bytes-u.Bytes, left(w.t, w.q), "what is left when nothing runs")
	}
}
