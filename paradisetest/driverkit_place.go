package paradisetest

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/paradiseftp/paradise"
)

var exclusive = paradise.StoreOptions{Exclusive: true}

// hasExclusive reports whether the driver supports exclusive uploads.
func (x *exam) hasExclusive() bool {
	u, err := x.d.Store(x.ctx, x.s, "/probe", exclusive)
	if err == nil {
		u.Abort(x.ctx, errExam)
	}
	return !errors.Is(err, errors.ErrUnsupported)
}

// offsetRules, appendRules and exclusiveRules are about StoreOptions, which say where
// the bytes of an upload go.
func offsetRules() []rule {
	return []rule{{
		name: "store-replaces",
		text: `The zero StoreOptions replace the file: if the old file was longer, nothing of it is left
after the new end.`,
		needs:   MethodStore,
		content: true,
		seed:    digits(),
		check: func(x *exam) {
			x.put("/f", "new")
			x.wantContent("/f", "new", "after it was replaced")
		},
	}, {
		name: "store-offset",
		text: `With Offset the result is the first Offset bytes of the old file followed by the data; the
rest of the old file is gone. An Offset at the end appends.`,
		needs:    MethodStore,
		content:  true,
		features: paradise.FeatureResume,
		check:    checkStoreOffset,
	}, {
		name: "store-offset-beyond",
		text: `With an Offset beyond the end, or for a missing file, Store returns paradise.ErrBadOffset (for
a missing file also fs.ErrNotExist) and creates no hole.`,
		needs:    MethodStore,
		content:  true,
		features: paradise.FeatureResume,
		seed:     digits(),
		check: func(x *exam) {
			err := x.store("/f", "data", paradise.StoreOptions{Offset: 11})
			x.wantErr(err, "Store beyond the end", paradise.ErrBadOffset)
			x.wantContent("/f", "0123456789", "after the refusal")
			err = x.store("/missing", "data", paradise.StoreOptions{Offset: 1})
			x.wantErr(err, "Store with an offset on a missing file", paradise.ErrBadOffset, fs.ErrNotExist)
			x.wantAbsent("/missing", "after the refusal")
		},
	}, {
		name: "store-offset-aborted",
		text: `An upload with Offset changes nothing before Commit either: if it is aborted, the old file
keeps its head and its tail.`,
		needs:    MethodStore,
		content:  true,
		features: paradise.FeatureResume,
		seed:     digits(),
		check:    func(x *exam) { checkUntouched(x, paradise.StoreOptions{Offset: 5}) },
	}, {
		name:     "store-offset-accept",
		text:     `With Offset too, Commit calls Accept with the result, and publishes nothing if Accept refuses.`,
		needs:    MethodStore,
		content:  true,
		features: paradise.FeatureResume,
		seed:     digits(),
		check:    func(x *exam) { checkAccept(x, paradise.StoreOptions{Offset: 5}, "01234") },
	}}
}

func appendRules() []rule {
	return []rule{{
		name:     "append",
		text:     `With Append the result is the old file followed by the data; a missing file is created.`,
		needs:    MethodStore,
		content:  true,
		features: paradise.FeatureAppend,
		seed:     digits(),
		check: func(x *exam) {
			o := paradise.StoreOptions{Append: true}
			x.ok(x.store("/f", "abc", o), "appending")
			x.wantContent("/f", "0123456789abc", "after Append")
			x.ok(x.store("/missing", "abc", o), "appending to a missing file")
			x.wantContent("/missing", "abc", "after Append to a missing file")
			x.ok(x.store("/f", "", o), "appending nothing")
			x.wantContent("/f", "0123456789abc", "after Append of nothing")
		},
	}, {
		name:     "append-aborted",
		text:     `An upload with Append changes nothing before Commit.`,
		needs:    MethodStore,
		content:  true,
		features: paradise.FeatureAppend,
		seed:     digits(),
		check:    func(x *exam) { checkUntouched(x, paradise.StoreOptions{Append: true}) },
	}, {
		name: "append-at-commit",
		text: `Append extends the old file as it is at Commit. If two clients append to one log at the same
time, the log has the lines of both.`,
		needs:    MethodStore,
		content:  true,
		features: paradise.FeatureAppend,
		seed:     digits(),
		check: func(x *exam) {
			o := paradise.StoreOptions{Append: true}
			first, second := x.start("/f", o), x.start("/f", o)
			x.write(first, "first")
			x.write(second, "second")
			x.commit(second)
			x.commit(first)
			x.wantContent("/f", "0123456789secondfirst", "after two Appends at once")
		},
	}, {
		name: "append-accept",
		text: `Commit calls Accept with exactly the result that it will publish, and publishes nothing if
Accept refuses. The old file may have changed or gone since Store, so the earlier check of the data is
not enough.`,
		needs:    MethodStore,
		content:  true,
		features: paradise.FeatureAppend,
		seed:     digits(),
		check:    func(x *exam) { checkAccept(x, paradise.StoreOptions{Append: true}, "0123456789") },
	}}
}

// checkAccept checks the calls of Accept for an upload with o, whose result starts with
// kept.
func checkAccept(x *exam, o paradise.StoreOptions, kept string) {
	var head string
	var size int64
	refusal := errors.New("not this")
	for _, answer := range []error{refusal, nil} {
		asked := 0
		o.Accept = func(h []byte, n int64) error {
			asked++
			head, size = string(h), n
			return answer
		}
		u := x.start("/f", o)
		x.write(u, "abc")
		err := u.Commit(x.ctx)
		if asked == 0 || head != kept+"abc" || size != int64(len(kept)+3) {
			x.failf("Commit called Accept %d times, last with %q of %d bytes; it must call it with the result, %q",
				asked, head, size, kept+"abc")
		}
		if answer == nil {
			x.ok(err, "Commit of a result that Accept accepted")
			continue
		}
		x.wantErr(err, "Commit of a result that Accept refused", refusal)
		u.Abort(x.ctx, err)
		x.wantContent("/f", "0123456789", "after Accept refused")
	}
	x.wantContent("/f", kept+"abc", "after Accept agreed")
}

func exclusiveRules() []rule {
	return []rule{{
		name: "exclusive-taken",
		text: `With Exclusive, an upload to a name that exists fails with fs.ErrExist, at Store or at Commit, and
the file keeps its content. A storage that cannot guarantee this returns errors.ErrUnsupported from Store.`,
		needs:   MethodStore,
		content: true,
		seed:    digits(),
		check:   checkExclusiveTaken,
	}, {
		name: "exclusive-once",
		text: `Of many concurrent exclusive uploads to one name exactly one succeeds. STOU relies on this when
it picks a name.`,
		needs:   MethodStore,
		content: true,
		check:   checkExclusiveOnce,
	}}
}

func digits() map[string]string { return map[string]string{"/f": "0123456789"} }

func checkStoreOffset(x *exam) {
	for _, c := range []struct {
		offset int64
		data   string
		want   string
	}{{4, "XY", "0123XY"}, {10, "XY", "0123456789XY"}, {3, "", "012"}, {9, "XYZ", "012345678XYZ"}, {0, "XY", "XY"}} {
		x.put("/f", "0123456789")
		x.ok(x.store("/f", c.data, paradise.StoreOptions{Offset: c.offset}), "storing %q at %d", c.data, c.offset)
		x.wantContent("/f", c.want, fmt.Sprintf("after storing %q at %d", c.data, c.offset))
	}
}

func checkUntouched(x *exam, o paradise.StoreOptions) {
	u := x.start("/f", o)
	x.write(u, "abc")
	x.wantContent("/f", "0123456789", "after Write")
	u.Abort(x.ctx, errExam)
	x.wantContent("/f", "0123456789", "after Abort")
	x.wantNames("/", "after Abort", "f")
}

func checkExclusiveTaken(x *exam) {
	err := x.store("/f", "data", exclusive)
	x.wantErr(err, "an exclusive upload to a name that is taken", fs.ErrExist, errors.ErrUnsupported)
	x.wantContent("/f", "0123456789", "after the refusal")
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	x.ok(x.store("/free", "data", exclusive), "an exclusive upload to a free name")
	x.wantContent("/free", "data", "after an exclusive upload")
}

func checkExclusiveOnce(x *exam) {
	if !x.hasExclusive() {
		return
	}
	const writers = 16
	results := make([]error, writers)
	x.together(writers, func(i int) error {
		results[i] = x.store("/f", fmt.Sprintf("writer %d", i), exclusive)
		return nil
	})
	winner := -1
	for i, err := range results {
		if err == nil && winner >= 0 {
			x.failf("writers %d and %d both got the name", winner, i)
		}
		if err == nil {
			winner = i
			continue
		}
		x.wantErr(err, "an exclusive upload that lost", fs.ErrExist)
	}
	if winner < 0 {
		x.failf("none of %d writers got the name", writers)
	}
	x.wantContent("/f", fmt.Sprintf("writer %d", winner), "after the race")
	x.wantNames("/", "after the race", "f")
}
