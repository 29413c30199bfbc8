package paradisetest

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/paradiseftp/paradise"
)

// An ability of SetAttr: what asks for it, and whether an entry shows it.
type ability struct {
	feature paradise.Features
	name    string
	attr    paradise.Attr
	shown   func(paradise.Entry) bool
}

var (
	examTime    = time.Date(2001, time.February, 3, 4, 5, 6, 0, time.UTC)
	examCreated = time.Date(2000, time.January, 2, 3, 4, 5, 0, time.UTC)
)

// abilities leave owners out: which there are only the host knows.
func abilities() []ability {
	return []ability{{
		paradise.FeatureSetTime, "ModTime", paradise.Attr{ModTime: examTime},
		func(e paradise.Entry) bool { return e.ModTime.Equal(examTime) },
	}, {
		paradise.FeatureSetCreated, "Created", paradise.Attr{Created: examCreated},
		func(e paradise.Entry) bool { return e.Created.Equal(examCreated) },
	}, {
		paradise.FeatureSetMode, "Mode", paradise.Attr{SetMode: true, Mode: 0o400},
		func(e paradise.Entry) bool { return e.Mode.Perm()&0o200 == 0 },
	}}
}

func attrRules() []rule {
	file := map[string]string{"/f": "x"}
	return []rule{{
		name: "setattr",
		text: `What Features shows SetAttr can do: Stat then shows the new time (to the second), creation
time or mode. What it does not show returns errors.ErrUnsupported.`,
		needs: MethodStat,
		seed:  file,
		check: checkAbilities,
	}, {
		name: "setattr-all-or-nothing",
		text: `SetAttr changes all that is asked, or returns errors.ErrUnsupported and changes nothing: a
request for something it can do and something it cannot must not be half done.`,
		needs: MethodStat,
		seed:  file,
		check: checkAllOrNothing,
	}, {
		name: "setattr-missing",
		text: `SetAttr of a missing name returns fs.ErrNotExist, or errors.ErrUnsupported where it can do
nothing at all.`,
		check: func(x *exam) {
			err := x.d.SetAttr(x.ctx, x.s, "/missing", paradise.Attr{ModTime: examTime})
			x.wantErr(err, "SetAttr of a missing name", append(refusals(x), fs.ErrNotExist)...)
		},
	}, {
		name: "setattr-nothing",
		text: `SetAttr with a zero Attr changes nothing.`,

		needs:    MethodStat,
		features: paradise.FeatureSetTime,
		seed:     file,
		check: func(x *exam) {
			before := x.stat("/f")
			x.ok(x.d.SetAttr(x.ctx, x.s, "/f", paradise.Attr{}), "SetAttr of nothing")
			if after := x.stat("/f"); after != before {
				x.failf("SetAttr of nothing changed %+v into %+v", before, after)
			}
		},
	}, {
		name:     "space",
		text:     `Space returns the bytes that may still be stored, which are never fewer than none.`,
		features: paradise.FeatureSpace,
		check: func(x *exam) {
			n, err := x.d.Space(x.ctx, x.s, "/")
			x.ok(err, `Space("/")`)
			if n < 0 {
				x.failf(`Space("/") is %d`, n)
			}
		},
	}, {
		name:    "space-unsupported",
		text:    `Where FeatureSpace is not shown, Space returns errors.ErrUnsupported.`,
		lacking: paradise.FeatureSpace,
		check: func(x *exam) {
			_, err := x.d.Space(x.ctx, x.s, "/")
			x.wantErr(err, "Space", errors.ErrUnsupported)
		},
	}}
}

// refusals are what SetAttr may say to what it cannot do.
func refusals(x *exam) []error {
	if x.has(MethodStore) {
		return []error{errors.ErrUnsupported}
	}
	return []error{errors.ErrUnsupported, fs.ErrPermission}
}

func checkAbilities(x *exam) {
	features := x.d.Features(x.s)
	for _, a := range abilities() {
		err := x.d.SetAttr(x.ctx, x.s, "/f", a.attr)
		if features&a.feature == 0 {
			x.wantErr(err, "SetAttr of "+a.name+", which Features does not show,", refusals(x)...)
			continue
		}
		x.ok(err, "SetAttr of %s, which Features shows", a.name)
		if e := x.stat("/f"); !a.shown(e) {
			x.failf("SetAttr of %s returned nil, but Stat shows %+v", a.name, e)
		}
	}
}

func checkAllOrNothing(x *exam) {
	features := x.d.Features(x.s)
	for _, can := range abilities() {
		for _, cannot := range abilities() {
			if features&can.feature != 0 && features&cannot.feature == 0 {
				checkHalf(x, can, cannot)
			}
		}
	}
	if features&paradise.FeatureSetOwner == 0 && features&paradise.FeatureSetTime != 0 {
		owner := ability{name: "Owner", attr: paradise.Attr{Owner: "nobody"}}
		checkHalf(x, abilities()[0], owner)
	}
}

func checkHalf(x *exam, can, cannot ability) {
	before := x.stat("/f")
	err := x.d.SetAttr(x.ctx, x.s, "/f", joined(can.attr, cannot.attr))
	x.wantErr(err, fmt.Sprintf("SetAttr of %s with %s", can.name, cannot.name), errors.ErrUnsupported)
	if after := x.stat("/f"); after != before {
		x.failf("SetAttr of %s with %s was refused and yet changed %+v into %+v", can.name, cannot.name, before, after)
	}
}

func joined(a, b paradise.Attr) paradise.Attr {
	if b.SetMode {
		a.SetMode, a.Mode = true, b.Mode
	}
	if !b.ModTime.IsZero() {
		a.ModTime = b.ModTime
	}
	if !b.Created.IsZero() {
		a.Created = b.Created
	}
	if b.Owner != "" {
		a.Owner = b.Owner
	}
	return a
}
