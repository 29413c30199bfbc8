package paradisetest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

func newMem(testing.TB) paradise.FileDriver { return memfs.New() }

func TestRulesAreNamedOnceAndExplained(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range allRules() {
		assert.False(t, seen[r.name], "two rules are called %s", r.name)
		seen[r.name] = true
		assert.Regexp(t, `^[a-z-]+$`, r.name)
		assert.Greater(t, len(r.text), 40, "%s is not explained", r.name)
		assert.NotNil(t, r.check, r.name)
	}
}

func TestAGoodDriverPasses(t *testing.T) {
	TestFileDriver(t, DriverOptions{New: newMem})
}

func TestWrappersPassWhatTheyWrap(t *testing.T) {
	t.Run("Count", func(t *testing.T) {
		TestFileDriver(t, DriverOptions{New: func(testing.TB) paradise.FileDriver { return Count(memfs.New()) }})
	})
	t.Run("Faults", func(t *testing.T) {
		TestFileDriver(t, DriverOptions{New: func(testing.TB) paradise.FileDriver { return &Faults{Driver: memfs.New()} }})
	})
}

func TestTheReportGivesTheRuleAndTheFinding(t *testing.T) {
	r := named(t, "mkdir-taken")
	got := r.report(errors.New("what was seen"))
	assert.Contains(t, got, "mkdir-taken")
	assert.Contains(t, got, "returns fs.ErrExist")
	assert.Contains(t, got, "what was seen")
}

func TestADriverThatPanicsIsAFinding(t *testing.T) {
	res := named(t, "store-whole").examine(t, DriverOptions{New: func(testing.TB) paradise.FileDriver {
		return &Faults{Driver: memfs.New(), At: 1, Kind: FaultPanic}
	}})
	assert.ErrorContains(t, res.err, "the driver panicked: Store")
}

func TestADriverThatHangsIsAFinding(t *testing.T) {
	f := &Faults{Driver: memfs.New(), At: 1, Kind: FaultHang}
	defer f.Release()
	res := named(t, "store-whole").examine(t, DriverOptions{
		New:      func(testing.TB) paradise.FileDriver { return f },
		Patience: time.Millisecond,
	})
	assert.ErrorContains(t, res.err, "had not returned after 6ms")
}

func TestRulesThatCannotApplyAreSkippedWithTheReason(t *testing.T) {
	for _, c := range []struct {
		rule   string
		o      DriverOptions
		reason string
	}{
		{"mkdir", DriverOptions{New: newMem, Without: MethodMkdir}, "without Mkdir"},
		{"rename-file", DriverOptions{New: newMem, Without: WithoutAllButStore}, "without Mkdir, Rename"},
		{"store-whole", DriverOptions{New: newMem, Without: MethodOpen}, "no ReadBack"},
		{"open-whole", DriverOptions{New: newMem, Without: MethodStore}, "without Store"},
		{"mkdir", DriverOptions{New: newMem, Skip: map[string]string{"mkdir": "no folders"}}, "no folders"},
		{"space-unsupported", DriverOptions{New: newMem}, "Features shows the ability"},
		{"append", DriverOptions{New: func(testing.TB) paradise.FileDriver {
			return &bent{FS: memfs.New(), features: func() paradise.Features { return 0 }}
		}}, "Features does not show the ability"},
	} {
		res := c.o.mustSkip(t, c.rule)
		assert.Contains(t, res, c.reason, c.rule)
	}
}

func (o DriverOptions) mustSkip(t *testing.T, rule string) string {
	t.Helper()
	res := named(t, rule).examine(t, o)
	require.NoError(t, res.err)
	require.NotEmpty(t, res.skipped, "%s was examined", rule)
	return res.skipped
}

func TestWhatIsUnsupportedMustSaySo(t *testing.T) {
	nothing := func() paradise.Features { return 0 }
	for _, c := range []struct {
		rule    string
		without Method
		bend    func(b *bent)
	}{
		{"unsupported-says-so", MethodStat, func(b *bent) {
			b.stat = func(string) (paradise.Entry, error) { return paradise.Entry{}, fs.ErrPermission }
		}},
		{"unsupported-says-so", MethodMkdir, func(b *bent) { b.mkdir = func(string) error { return errAny } }},
		{"unsupported-says-so", MethodRemove, func(b *bent) { b.remove = func(string) error { return nil } }},
		{"resume-unsupported", 0, func(b *bent) { b.features = nothing }},
		{"range-unsupported", 0, func(b *bent) { b.features = nothing }},
		{"append-unsupported", 0, func(b *bent) { b.features = nothing }},
		{"space-unsupported", 0, func(b *bent) { b.features = nothing }},
	} {
		t.Run(c.rule, func(t *testing.T) {
			res := named(t, c.rule).examine(t, DriverOptions{
				Without: c.without,
				New: func(testing.TB) paradise.FileDriver {
					b := &bent{FS: memfs.New()}
					c.bend(b)
					return b
				},
			})
			require.Empty(t, res.skipped)
			assert.Error(t, res.err)
		})
	}
}

// sink is a driver as one writes it for a queue or a web service: it only
// stores, through a pipe into a function that reads.
type sink struct {
	paradise.UnimplementedFileDriver
	m *memfs.FS
}

func (d *sink) Store(
	ctx context.Context, _ *paradise.Session, name string, o paradise.StoreOptions,
) (paradise.Upload, error) {
	if o.Exclusive || o.Existing || o.Append || o.Offset != 0 {
		return nil, errors.ErrUnsupported
	}
	if len(name) > 255 {
		return nil, paradise.ErrBadName
	}
	if name == "/" {
		return nil, paradise.ErrIsDir
	}
	return &sinkUpload{d: d, name: name, ctx: ctx}, nil
}

type sinkUpload struct {
	d    *sink
	name string
	ctx  context.Context
	w    *io.PipeWriter
	done chan error
	data []byte
}

func (u *sinkUpload) Begin(context.Context, paradise.UploadInfo) error {
	r, w := io.Pipe()
	u.w, u.done = w, make(chan error, 1)
	stop := context.AfterFunc(u.ctx, func() { r.CloseWithError(context.Cause(u.ctx)) })
	go func() {
		defer stop()
		data, err := io.ReadAll(r)
		u.data = data
		u.done <- err
	}()
	return nil
}

func (u *sinkUpload) Write(p []byte) (int, error) { return u.w.Write(p) }

func (u *sinkUpload) Commit(ctx context.Context) error {
	u.w.Close()
	if err := <-u.done; err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	u.d.m.Put(u.name, u.data)
	return nil
}

func (u *sinkUpload) Abort(_ context.Context, cause error) {
	if u.w != nil {
		u.w.CloseWithError(cause)
	}
}

func TestUploadOnlyDriversAreExamined(t *testing.T) {
	o := DriverOptions{
		New:      func(testing.TB) paradise.FileDriver { return &sink{m: memfs.New()} },
		ReadBack: func(d paradise.FileDriver, name string) ([]byte, error) { return d.(*sink).m.Get(name) },
		Without:  WithoutAllButStore,
	}
	TestFileDriver(t, o)

	examined := 0
	for _, r := range allRules() {
		if r.skip(o) == "" {
			examined++
		}
	}
	assert.Greater(t, examined, 25, "rules that an upload-only driver is held to")
}

func TestReadOnlyDriversAreExamined(t *testing.T) {
	o := DriverOptions{
		Seeded: func(_ testing.TB, files map[string]string) paradise.FileDriver {
			m := memfs.New()
			for name, data := range files {
				m.Put(name, []byte(data))
			}
			return readOnly{FileDriver: m}
		},
		Without: WithoutWrites,
	}
	TestFileDriver(t, o)

	for _, name := range []string{"open-whole", "list-many", "names-ordinary", "missing-names"} {
		assert.Empty(t, named(t, name).skip(o), name)
	}
}

// readOnly embeds the interface for brevity; a real one would embed
// UnimplementedFileDriver.
type readOnly struct{ paradise.FileDriver }

func (readOnly) Features(*paradise.Session) paradise.Features { return paradise.FeatureRange }

func (readOnly) Store(context.Context, *paradise.Session, string, paradise.StoreOptions) (paradise.Upload, error) {
	return nil, fs.ErrPermission
}

func (readOnly) Mkdir(context.Context, *paradise.Session, string) error     { return fs.ErrPermission }
func (readOnly) Remove(context.Context, *paradise.Session, string) error    { return fs.ErrPermission }
func (readOnly) RemoveDir(context.Context, *paradise.Session, string) error { return fs.ErrPermission }
func (readOnly) Rename(context.Context, *paradise.Session, string, string, paradise.RenameOptions) error {
	return fs.ErrPermission
}
func (readOnly) SetAttr(context.Context, *paradise.Session, string, paradise.Attr) error {
	return fs.ErrPermission
}
func (readOnly) Space(context.Context, *paradise.Session, string) (int64, error) {
	return 0, errors.ErrUnsupported
}

func TestMethodNames(t *testing.T) {
	assert.Equal(t, "Store, Mkdir, Remove, RemoveDir, Rename", WithoutWrites.String())
	assert.Empty(t, Method(0).String())
	assert.Len(t, strings.Split((WithoutWrites|WithoutAllButStore).String(), ", "), len(methodNames))
}
