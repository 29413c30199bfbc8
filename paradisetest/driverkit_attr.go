package paradisetest

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/paradiseftp/paradise"
)

// ability is an ability of SetAttr: its feature, an Attr that uses it, and a function
// that reports whether an entry shows the change.
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

// abilities returns all abilities but that of setting the owner: which owners exist
// depends on the host.
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
		text: `SetAttr can set everything that Features shows: Stat then shows the new time (to the second),
creation time or mode. For everything else SetAttr returns errors.ErrUnsupported.`,
		needs: MethodStat,
		seed:  file,
		check: checkAbilities,
	}, {
		name: "setattr-all-or-nothing",
		text: `SetAttr changes everything that is requested, or changes nothing and returns
errors.ErrUnsupported. It must not carry out half of a request of which it can do only a part.`,
		needs: MethodStat,
		seed:  file,
		check: checkAllOrNothing,
	}, {
		name: "setattr-missing",
		text: `SetAttr of a missing name returns fs.ErrNotExist, or errors.ErrUnsupported if SetAttr can do
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
		text:     `Space returns how many bytes can still be stored. The number is never negative.`,
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
		text:    `If Features does not show FeatureSpace, Space returns errors.ErrUnsupported.`,
		lacking: paradise.FeatureSpace,
		check: func(x *exam) {
			_, err := x.d.Space(x.ctx, x.s, "/")
			x.wantErr(err, "Space", errors.ErrUnsupported)
		},
	}}
}

// refusals returns the errors that SetAttr may return for changes that it cannot make.
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
		x.failf("SetAttr of %s with %s was refused and yet changed %+v into %+v",
			can.name, cannot.name, before, after)
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
