package paradisetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/paradiseftp/paradise"
)

// stageDriver is a storage that waits, fails and lacks features as the setup of a
// transcript says.
type stageDriver struct {
	paradise.FileDriver
	without paradise.Features
	hold    <-chan struct{} // reads wait until it is closed
	fails   map[string]error
}

var featureNames = map[string]paradise.Features{
	"resume": paradise.FeatureRange | paradise.FeatureResume, "range": paradise.FeatureRange,
	"links": paradise.FeatureLinks, "append": paradise.FeatureAppend, "times": paradise.FeatureSetTime,
	"created": paradise.FeatureSetCreated, "modes": paradise.FeatureSetMode, "owners": paradise.FeatureSetOwner,
	"space": paradise.FeatureSpace,
}

func (d *stageDriver) mask(names string) error {
	for name := range strings.SplitSeq(names, ",") {
		if featureNames[name] == 0 {
			return fmt.Errorf("no such feature: %s", name)
		}
		d.without |= featureNames[name]
	}
	return nil
}

var stageFaults = map[string]error{
	"notexist": fs.ErrNotExist, "exist": fs.ErrExist, "permission": fs.ErrPermission, "unsupported": errors.ErrUnsupported,
	"notdir": paradise.ErrNotDir, "isdir": paradise.ErrIsDir, "notempty": paradise.ErrNotEmpty,
	"offset": paradise.ErrBadOffset,
	"busy":   paradise.ErrBusy, "space": paradise.ErrNoSpace, "quota": paradise.ErrQuota, "name": paradise.ErrBadName,
	"large": paradise.ErrTooLarge, "type": paradise.ErrBadType, "other": ErrInjected,
}

// fail parses the argument of @fail, "Method error".
func (d *stageDriver) fail(arg string) error {
	method, name, _ := strings.Cut(arg, " ")
	if stageFaults[name] == nil {
		return fmt.Errorf("no such error: %s", name)
	}
	d.fails[method] = stageFaults[name]
	return nil
}

func (d *stageDriver) wait(ctx context.Context) error {
	select {
	case <-d.hold:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Features implements [paradise.FileDriver].
func (d *stageDriver) Features(s *paradise.Session) paradise.Features {
	return d.FileDriver.Features(s) &^ d.without
}

func (d *stageDriver) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	if err := d.fails["Stat"]; err != nil {
		return paradise.Entry{}, err
	}
	return d.FileDriver.Stat(ctx, s, name)
}

func (d *stageDriver) List(ctx context.Context, s *paradise.Session, dir string) (paradise.Listing, error) {
	if err := d.fails["List"]; err != nil {
		return nil, err
	}
	l, err := d.FileDriver.List(ctx, s, dir)
	if err != nil {
		return nil, err
	}
	return func(yield func(paradise.Entry, error) bool) {
		if err := d.wait(ctx); err != nil {
			yield(paradise.Entry{}, err)
			return
		}
		l(yield)
	}, nil
}

func (d *stageDriver) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	if err := d.fails["Open"]; err != nil {
		return nil, err
	}
	r, err := d.FileDriver.Open(ctx, s, name, offset)
	if err != nil {
		return nil, err
	}
	return &stageReader{r, d, ctx}, nil
}

type stageReader struct {
	io.ReadCloser
	d   *stageDriver
	ctx context.Context
}

func (r *stageReader) Read(p []byte) (int, error) {
	if err := r.d.wait(r.ctx); err != nil {
		return 0, err
	}
	if err := r.d.fails["Read"]; err != nil {
		return 0, err
	}
	return r.ReadCloser.Read(p)
}

func (d *stageDriver) Store(
	ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions,
) (paradise.Upload, error) {
	if err := d.fails["Store"]; err != nil {
		return nil, err
	}
	u, err := d.FileDriver.Store(ctx, s, name, o)
	if err != nil {
		return nil, err
	}
	return &stageUpload{u, d}, nil
}

type stageUpload struct {
	paradise.Upload
	d *stageDriver
}

func (u *stageUpload) Write(p []byte) (int, error) {
	if err := u.d.fails["Write"]; err != nil {
		return 0, err
	}
	return u.Upload.Write(p)
}

func (u *stageUpload) Commit(ctx context.Context) error {
	if err := u.d.fails["Commit"]; err != nil {
		return err
	}
	return u.Upload.Commit(ctx)
}

func (d *stageDriver) Mkdir(ctx context.Context, s *paradise.Session, name string) error {
	if err := d.fails["Mkdir"]; err != nil {
		return err
	}
	return d.FileDriver.Mkdir(ctx, s, name)
}

func (d *stageDriver) Remove(ctx context.Context, s *paradise.Session, name string) error {
	if err := d.fails["Remove"]; err != nil {
		return err
	}
	return d.FileDriver.Remove(ctx, s, name)
}

func (d *stageDriver) RemoveDir(ctx context.Context, s *paradise.Session, name string) error {
	if err := d.fails["RemoveDir"]; err != nil {
		return err
	}
	return d.FileDriver.RemoveDir(ctx, s, name)
}

func (d *stageDriver) Rename(
	ctx context.Context, s *paradise.Session, from, to string, o paradise.RenameOptions,
) error {
	if err := d.fails["Rename"]; err != nil {
		return err
	}
	return d.FileDriver.Rename(ctx, s, from, to, o)
}

// Copy is refused, so that the core copies by Open and Store, which the setup controls.
func (d *stageDriver) Copy(context.Context, *paradise.Session, string, string, paradise.CopyOptions) error {
	return errors.ErrUnsupported
}

func (d *stageDriver) SetAttr(ctx context.Context, s *paradise.Session, name string, a paradise.Attr) error {
	if err := d.fails["SetAttr"]; err != nil {
		return err
	}
	return d.FileDriver.SetAttr(ctx, s, name, a)
}

func (d *stageDriver) Space(ctx context.Context, s *paradise.Session, dir string) (int64, error) {
	if err := d.fails["Space"]; err != nil {
		return 0, err
	}
	return d.FileDriver.Space(ctx, s, dir)
}
