package paradisetest

import (
	"context"
	"errors"
	"io/fs"

	"github.com/paradiseftp/paradise"
)

var errExam = errors.New("paradisetest: the examination aborts")

func abortRules() []rule {
	return []rule{{
		name: "abort-new",
		text: `After Abort nothing of the upload is left: the name does not exist and the folder lists
nothing new.`,
		needs: MethodStore,
		check: func(x *exam) {
			u := x.start("/f", paradise.StoreOptions{})
			x.write(u, "half a fi")
			u.Abort(x.ctx, errExam)
			x.wantAbsent("/f", "after Abort")
			x.wantNames("/", "after Abort")
		},
	}, {
		name:    "abort-keeps-old",
		text:    `After Abort the file that the upload would have replaced is unchanged.`,
		needs:   MethodStore,
		content: true,
		seed:    oldFile(),
		check: func(x *exam) {
			u := x.start("/f", paradise.StoreOptions{})
			x.write(u, "half a fi")
			u.Abort(x.ctx, errExam)
			x.wantOld("after Abort")
		},
	}, {
		name: "abort-without-begin",
		text: `Abort may follow Store directly, because the data connection never came or the content was
refused. The old file stays, and the name can be stored again.`,
		needs:   MethodStore,
		content: true,
		seed:    oldFile(),
		check: func(x *exam) {
			u, err := x.d.Store(x.ctx, x.s, "/f", paradise.StoreOptions{})
			x.ok(err, "Store")
			u.Abort(x.ctx, errExam)
			x.wantOld("after Abort without Begin")
			x.put("/f", "again")
			x.wantContent("/f", "again", "stored after an Abort")
		},
	}, {
		name:    "abort-after-failed-begin",
		text:    `Abort also follows a Begin that failed, here because its context was cancelled.`,
		needs:   MethodStore,
		content: true,
		seed:    oldFile(),
		check:   checkFailedBegin,
	}, {
		name: "abort-after-failed-commit",
		text: `Abort also follows a Commit that failed. It must not remove a file that another upload has
published under the name meanwhile.`,
		needs:   MethodStore,
		content: true,
		check:   checkFailedCommit,
	}}
}

func cancelRules() []rule {
	return []rule{{
		name: "cancel-unblocks-write",
		text: `When Store's context is cancelled, a Write that is waiting returns, and so does every later
Write: with an error, or with nil if writing cannot block. A driver that pipes bytes to another
goroutine must watch the context; otherwise the transfer hangs forever when a client goes away.`,
		needs: MethodStore,
		check: checkCancelUnblocks,
	}, {
		name: "cancel-then-abort",
		text: `After Store's context was cancelled, Abort gets a context that is not cancelled. It must free
everything and leave the old file unchanged.`,
		needs:   MethodStore,
		content: true,
		seed:    oldFile(),
		check: func(x *exam) {
			ctx, cancel := context.WithCancel(x.ctx)
			u, err := x.begin(ctx, "/f", "half", paradise.StoreOptions{})
			x.ok(err, "starting an upload")
			x.write(u, "half a fi")
			cancel()
			u.Abort(x.ctx, errExam)
			x.wantOld("after cancel and Abort")
		},
	}, {
		name: "commit-all-or-nothing",
		text: `A Commit whose own context is cancelled either publishes the whole file and returns nil, or
publishes nothing and returns an error.`,
		needs:   MethodStore,
		content: true,
		seed:    oldFile(),
		check:   checkDeadCommit,
	}}
}

func oldFile() map[string]string { return map[string]string{"/f": "the old content"} }

// wantOld ends the rule unless "/f" and its folder are as in oldFile.
func (x *exam) wantOld(when string) {
	x.wantContent("/f", "the old content", when)
	x.wantNames("/", when, "f")
}

func checkFailedBegin(x *exam) {
	u, err := x.d.Store(x.ctx, x.s, "/f", paradise.StoreOptions{})
	x.ok(err, "Store")
	dead, cancel := context.WithCancel(x.ctx)
	cancel()
	err = x.within(x.o.Patience, func() error {
		_ = u.Begin(dead, info("new")) // an error is allowed, not required
		return nil
	})
	x.ok(err, "Begin with a dead context")
	u.Abort(x.ctx, errExam)
	x.wantOld("after a failed Begin and Abort")
}

// checkFailedCommit makes a Commit fail by taking its exclusive name.
func checkFailedCommit(x *exam) {
	if !x.hasExclusive() {
		return
	}
	loser := x.start("/f", exclusive)
	x.write(loser, "the loser")
	x.put("/f", "the winner")
	err := loser.Commit(x.ctx)
	loser.Abort(x.ctx, errExam)
	x.wantErr(err, "Commit of an exclusive upload whose name was taken meanwhile", fs.ErrExist)
	x.wantContent("/f", "the winner", "after the other upload's Abort")
	x.wantNames("/", "after the other upload's Abort", "f")
}

func checkCancelUnblocks(x *exam) {
	ctx, cancel := context.WithCancel(x.ctx)
	defer cancel()
	u, err := x.begin(ctx, "/f", "half", paradise.StoreOptions{})
	x.ok(err, "starting an upload")
	chunk := make([]byte, 64<<10)
	err = x.within(x.o.Patience, func() error {
		for i := range 64 {
			if i == 4 {
				cancel()
			}
			if _, err := u.Write(chunk); err != nil {
				return nil
			}
		}
		return nil
	})
	x.ok(err, "Write after Store's context was cancelled")
	err = x.within(x.o.Patience, func() error { u.Abort(x.ctx, errExam); return nil })
	x.ok(err, "Abort after Store's context was cancelled")
	x.wantAbsent("/f", "after cancel and Abort")
	x.wantNames("/", "after cancel and Abort")
}

func checkDeadCommit(x *exam) {
	u := x.start("/f", paradise.StoreOptions{})
	x.write(u, "the new content")
	dead, cancel := context.WithCancel(x.ctx)
	cancel()
	var committed error
	err := x.within(x.o.Patience, func() error { committed = u.Commit(dead); return nil })
	x.ok(err, "Commit with a dead context")
	if committed == nil {
		x.wantContent("/f", "the new content", "after Commit returned nil")
		return
	}
	u.Abort(x.ctx, errExam)
	x.wantOld("after a failed Commit")
}
