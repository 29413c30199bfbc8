package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/paradiseftp/paradise"
)

// Reconcile holds the open intents of dead processes against the storage and notes
// each as reconciled or lost. Call it after Open, before the server serves: until
// then uploads are refused with [ErrNotReconciled] where there are such intents. It
// may be called again at any time, for processes that have died since. With an error
// the rest stays open.
//
// d is the storage as it was given to Wrap. It is asked by a Session that has the
// ID, Host and User.Name of the record and nothing else.
//
// An upload was published if the name stands for another version than before, of
// the size that was sent and, with a digest, of the same content. What cannot be
// told is noted as reconciled: a record too many is better than one too few.
func (j *Journal) Reconcile(ctx context.Context, d paradise.FileDriver) error {
	j.flush.Lock()
	dead, err := j.log.dead()
	j.flush.Unlock()
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, r := range dead {
		event, detail, err := verdict(ctx, d, r)
		if err != nil {
			return fmt.Errorf("journal: reconciling %q: %w", r.Name, err)
		}
		r.Time, r.Event, r.Detail, r.Before = now(), event, detail, nil
		if err := j.append(r); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		j.o.Logger.Info("upload of a dead process", "event", event, "id", r.ID, "user", r.User, "name", r.Name, "detail", detail)
	}
	j.wait.Store(false)
	return nil
}

func verdict(ctx context.Context, d paradise.FileDriver, r Record) (Event, string, error) {
	s := &paradise.Session{ID: r.Session, Host: r.Host, User: paradise.User{Name: r.User}}
	is, err := state(ctx, d, s, r.Name)
	if err != nil {
		return "", "", err
	}
	was := State{Unknown: true}
	if r.Before != nil {
		was = *r.Before
	}
	switch {
	case is.Unknown || was.Unknown:
		return Reconciled, "the storage cannot tell", nil
	case !is.Exists:
		return Lost, "no such file", nil
	case same(was, is):
		return Lost, "the file is as it was before", nil
	case r.Size >= 0 && is.Size >= 0 && !fits(r, is.Size):
		return Lost, fmt.Sprintf("the file has %d bytes", is.Size), nil
	case r.SHA256 != "":
		return compare(ctx, d, s, r)
	case was.Exists && was.Size == is.Size && was.ModTime.IsZero() && was.Unique == "":
		return Reconciled, "the storage does not tell versions apart", nil
	}
	return Reconciled, "", nil
}

// same says that nothing has changed, as far as the storage tells versions apart.
func same(was, is State) bool {
	if !was.Exists || was.Size != is.Size || was.Unique != is.Unique || !was.ModTime.Equal(is.ModTime) {
		return false
	}
	return is.Unique != "" || !is.ModTime.IsZero()
}

// fits allows what others may have appended before.
func fits(r Record, size int64) bool {
	return size == r.Size || r.Append && size > r.Size
}

func compare(ctx context.Context, d paradise.FileDriver, s *paradise.Session, r Record) (Event, string, error) {
	f, err := d.Open(ctx, s, r.Name, 0)
	if err != nil {
		return Reconciled, "the file cannot be read", nil
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(f, r.Size+1)); err != nil {
		return "", "", err
	}
	if hex.EncodeToString(sum.Sum(nil)) != r.SHA256 {
		return Lost, "the file has other content", nil
	}
	return Reconciled, "", nil
}
