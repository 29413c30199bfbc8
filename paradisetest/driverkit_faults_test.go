package paradisetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// scenario uses a driver as a server does and returns the first error.
func scenario(ctx context.Context, d paradise.FileDriver) error {
	if err := d.Mkdir(ctx, tester, "/d"); err != nil {
		return err
	}
	if err := scenarioUpload(ctx, d); err != nil {
		return err
	}
	l, err := d.List(ctx, tester, "/d")
	if err != nil {
		return err
	}
	for _, err := range l {
		if err != nil {
			return err
		}
	}
	r, err := d.Open(ctx, tester, "/d/f", 0)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(r)
	return errors.Join(err, r.Close())
}

func scenarioUpload(ctx context.Context, d paradise.FileDriver) (err error) {
	u, err := d.Store(ctx, tester, "/d/f", paradise.StoreOptions{})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			u.Abort(context.WithoutCancel(ctx), err)
		}
	}()
	if err := u.Begin(ctx, paradise.UploadInfo{}); err != nil {
		return err
	}
	n, err := u.Write([]byte("data"))
	if err == nil && n < 4 {
		err = io.ErrShortWrite
	}
	if err != nil {
		return err
	}
	return u.Commit(ctx)
}

// operations are those of scenario, in order.
var operations = []string{
	"Mkdir", "Store", "Upload.Begin", "Upload.Write", "Upload.Commit",
	"List", "Listing", "Listing", "Open", "Reader.Read", "Reader.Read", "Reader.Close",
}

func TestFaultsCountsEveryOperation(t *testing.T) {
	f := &Faults{Driver: memfs.New()}
	require.NoError(t, scenario(bg, f))
	assert.Equal(t, len(operations), f.Operations())
	assert.Empty(t, f.Where())
}

func TestFaultsFailsExactlyTheOperationThatWasChosen(t *testing.T) {
	chosen := errors.New("chosen")
	for i, op := range operations {
		t.Run(fmt.Sprintf("%d %s", i+1, op), func(t *testing.T) {
			f := &Faults{Driver: memfs.New(), At: i + 1, Err: chosen}
			assert.ErrorIs(t, scenario(bg, f), chosen)
			assert.Equal(t, op, f.Where())
			assert.NoError(t, scenarioUpload(bg, withFolder(f)), "what comes after the fault goes right")
		})
	}
}

// withFolder makes what the scenario's upload needs behind the faults' back.
func withFolder(f *Faults) *Faults {
	_ = f.Driver.Mkdir(bg, tester, "/d")
	return f
}

func TestFaultsPanicsWhereItWasChosen(t *testing.T) {
	for i, op := range operations {
		t.Run(fmt.Sprintf("%d %s", i+1, op), func(t *testing.T) {
			f := &Faults{Driver: memfs.New(), At: i + 1, Kind: FaultPanic}
			assert.PanicsWithError(t, op+": "+ErrInjected.Error(), func() { _ = scenario(bg, f) })
		})
	}
}

func TestFaultsBlocksUntilTheContextEnds(t *testing.T) {
	for i, op := range operations {
		t.Run(fmt.Sprintf("%d %s", i+1, op), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(bg)
				done := make(chan error, 1)
				go func() { done <- scenario(ctx, &Faults{Driver: memfs.New(), At: i + 1, Kind: FaultBlock}) }()
				synctest.Wait()
				require.Empty(t, done, "it did not block")
				cancel(paradise.ErrAborted)
				assert.ErrorIs(t, <-done, paradise.ErrAborted)
			})
		})
	}
}

func TestFaultsHangsUntilItIsReleased(t *testing.T) {
	for i, op := range operations {
		t.Run(fmt.Sprintf("%d %s", i+1, op), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &Faults{Driver: memfs.New(), At: i + 1, Kind: FaultHang}
				done := make(chan error, 1)
				go func() { done <- scenario(bg, f) }()
				synctest.Wait()
				require.Empty(t, done, "it did not hang")
				f.Release()
				assert.NoError(t, <-done)
			})
		})
	}
}

func TestFaultsReleasedBeforehandDoesNotHang(t *testing.T) {
	f := &Faults{Driver: memfs.New(), At: 1, Kind: FaultHang}
	f.Release()
	f.Release()
	assert.NoError(t, scenario(bg, f))
}

func TestFaultsWaitsAsLongAsItShould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f := &Faults{Driver: memfs.New(), At: 4, Kind: FaultLatency, Latency: time.Minute}
		require.NoError(t, scenario(bg, f))
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

func TestFaultsEndsItsWaitWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		f := &Faults{Driver: memfs.New(), At: 4, Kind: FaultLatency, Latency: time.Minute}
		assert.ErrorIs(t, scenario(ctx, f), context.DeadlineExceeded)
	})
}

func TestFaultsWritesShort(t *testing.T) {
	f := &Faults{Driver: memfs.New(), At: 3, Kind: FaultShortWrite}
	u := begunUpload(t, f)
	n, err := u.Write([]byte("data"))
	assert.NoError(t, err, "that is the fault")
	assert.Equal(t, 2, n)
	n, err = u.Write([]byte("data"))
	assert.NoError(t, err)
	assert.Equal(t, 4, n)
	u.Abort(bg, errExam)
}

func TestFaultsOfEndingsStillFreeWhatIsHeld(t *testing.T) {
	for _, kind := range []FaultKind{FaultError, FaultPanic} {
		t.Run(kind.String(), func(t *testing.T) {
			m := memfs.New()
			m.Put("/f", []byte("data"))
			inner := Count(m)

			r := mustOpen(t, &Faults{Driver: inner, At: 2, Kind: kind})
			attempt(func() { assert.ErrorIs(t, r.Close(), ErrInjected) })
			u := begunUpload(t, &Faults{Driver: inner, At: 3, Kind: kind})
			attempt(func() { u.Abort(bg, errExam) })
			assert.Empty(t, inner.Violations())
		})
	}
}

// attempt calls f and takes a panic for granted.
func attempt(f func()) {
	defer func() { _ = recover() }()
	f()
}

func TestFaultsLeavesFeaturesAlone(t *testing.T) {
	f := &Faults{Driver: memfs.New(), At: 1, Kind: FaultPanic}
	assert.Equal(t, memfs.New().Features(tester), f.Features(tester))
	assert.Zero(t, f.Operations())
}

func TestFaultKindNames(t *testing.T) {
	assert.Equal(t, "short write", FaultShortWrite.String())
	assert.Equal(t, "FaultKind(99)", FaultKind(99).String())
}
