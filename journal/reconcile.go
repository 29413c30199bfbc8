package journal

import (
	"context"
	"fmt"

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
// the size that was sent and, with a digest, of the same content. Where the storage
// tells no versions, a file that is as large as the one before and was written
// within two seconds before the intent, or later, cannot be told from it. What
// cannot be told is noted as reconciled: a record too many is better than one too
// few.
//
// Uploads of this process whose outcome is unknown are looked at too, but stay open
// as long as the storage may still publish them.
func (j *Journal) Reconcile(ctx context.Context, d paradise.FileDriver) error {
	j.flush.Lock()
	dead, err := j.log.dead()
	j.flush.Unlock()
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, r := range dead {
		s := &paradise.Session{ID: r.Session, Host: r.Host, User: paradise.User{Name: r.User}}
		f, err := look(ctx, d, s, r)
		if err != nil {
			return fmt.Errorf("journal: reconciling %q: %w", r.Name, err)
		}
		if err := j.conclude(r, f, "upload of a dead process"); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	j.wait.Store(false)
	return j.resolve(ctx)
}

// conclude notes what was found.
func (j *Journal) conclude(r Record, f finding, what string) error {
	r.Event = Lost
	if f.published() {
		r.Event = Reconciled
	}
	r.Time, r.Detail, r.Before = now(), f.detail, nil
	if err := j.append(r); err != nil {
		return err
	}
	j.o.Logger.Info(what, "event", r.Event, "id", r.ID, "user", r.User, "name", r.Name, "detail", r.Detail)
	return nil
}
