package paradisetest

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/history"
)

func historyRules() []rule {
	return []rule{{
		name: "one-order",
		text: `However many clients change the same few names at once, there is an order of the successful
calls that explains every result: an append joins the current content, a removed file does not come
back, a renamed file has one name, and no acknowledged upload is lost. A call may fail with
paradise.ErrBusy.`,
		needs:   MethodStore | MethodOpen | MethodStat | MethodRemove | MethodRename,
		content: true,
		check:   checkHistories,
	}}
}

func checkHistories(x *exam) {
	const histories, clients, each = 20, 8, 8
	kinds := historyKinds(x)
	first := rand.Uint64()
	for n := range uint64(histories) {
		seed := first + n
		users := make([]history.Client, clients)
		for i := range users {
			users[i] = history.ClientFunc(x.do)
		}
		h := history.Run(users, history.Plan(seed, clients, each, kinds))
		x.lookBack(h)
		if odd := h.Odd(); odd != "" {
			x.failf("while other clients worked: %s; a client cannot act on such an error", odd)
		}
		if h.Check(10*time.Second) == history.Broken {
			x.failf("seed %d: no order of the calls explains their results:\n%s", seed, h.Explain())
			return
		}
	}
}

// historyKinds returns the kinds of operations that the driver supports.
func historyKinds(x *exam) []history.Kind {
	kinds := history.Without(history.All(), history.Join)
	features := x.d.Features(x.s)
	if features&paradise.FeatureAppend == 0 {
		kinds = history.Without(kinds, history.Append)
	}
	if features&paradise.FeatureResume == 0 {
		kinds = history.Without(kinds, history.Resume)
	}
	if !x.hasExclusive() {
		kinds = history.Without(kinds, history.StoreNew)
	}
	x.put("/probe", "x")
	if errors.Is(x.d.Copy(x.ctx, x.s, "/probe", "/probe-copy", paradise.CopyOptions{}), errors.ErrUnsupported) {
		kinds = history.Without(kinds, history.Copy, history.CopyNew)
	}
	return kinds
}

// lookBack adds the final content of the files to h, and removes them for the next
// history.
func (x *exam) lookBack(h *history.History) {
	for file := range history.Files {
		op := history.Op{Kind: history.Read, A: file}
		h.Add(op, x.do(op))
		_ = x.d.Remove(x.ctx, x.s, historyName(file))
	}
}

func historyName(file int) string { return fmt.Sprintf("/history-%d", file) }

// do runs one operation with the calls that the core would make.
func (x *exam) do(o history.Op) history.Result {
	var r history.Result
	a, b := historyName(o.A), historyName(o.B)
	switch o.Kind {
	case history.Store:
		r.Err = x.store(a, o.Data, paradise.StoreOptions{})
	case history.StoreNew:
		r.Err = x.store(a, o.Data, paradise.StoreOptions{Exclusive: true})
	case history.Append:
		r.Err = x.store(a, o.Data, paradise.StoreOptions{Append: true})
	case history.Resume:
		r.Err = x.store(a, o.Data, paradise.StoreOptions{Offset: int64(o.Offset)})
	case history.Remove:
		r.Err = x.d.Remove(x.ctx, x.s, a)
	case history.Rename, history.RenameNew:
		r.Err = x.d.Rename(x.ctx, x.s, a, b, paradise.RenameOptions{NoReplace: o.Kind == history.RenameNew})
	case history.Copy, history.CopyNew:
		r.Err = x.d.Copy(x.ctx, x.s, a, b, paradise.CopyOptions{NoReplace: o.Kind == history.CopyNew})
	case history.Read:
		r.Content, r.Err = x.read(a)
	case history.Size:
		var e paradise.Entry
		e, r.Err = x.d.Stat(x.ctx, x.s, a)
		r.Size = e.Size
	}
	r.Outcome = outcome(r.Err)
	return r
}

func outcome(err error) history.Outcome {
	switch {
	case err == nil:
		return history.Done
	case errors.Is(err, paradise.ErrBusy):
		return history.Refused
	case errors.Is(err, paradise.ErrUnknownOutcome):
		return history.Lost
	case errors.Is(err, paradise.ErrBadOffset):
		return history.Beyond
	case errors.Is(err, fs.ErrExist):
		return history.Taken
	case errors.Is(err, fs.ErrNotExist):
		return history.Missing
	}
	return history.Odd
}
