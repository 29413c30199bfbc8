// Package paradisetest helps to test what is built on paradise.
//
// [NewServer] starts a server for a test and watches it to its end; [Dial] makes
// a raw client; [Play] runs a conversation that is written down as a transcript.
//
// [TestFileDriver] examines a driver against the rules of
// [paradise.FileDriver]. [Count] watches how a server treats its driver, and
// [Faults] lets a driver fail at any chosen point.
package paradisetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paradiseftp/paradise"
)

// Method is a set of methods of [paradise.FileDriver].
type Method uint32

const (
	MethodStat Method = 1 << iota
	MethodList
	MethodOpen
	MethodStore
	MethodMkdir
	MethodRemove
	MethodRemoveDir
	MethodRename
)

// Sets for DriverOptions.Without.
const (
	// WithoutWrites is for storages that are only read.
	WithoutWrites = MethodStore | MethodMkdir | MethodRemove | MethodRemoveDir | MethodRename
	// WithoutAllButStore is for storages that only take files, such as a queue
	// or a web service.
	WithoutAllButStore = MethodStat | MethodList | MethodOpen | MethodMkdir | MethodRemove |
		MethodRemoveDir | MethodRename
)

var methodNames = []string{"Stat", "List", "Open", "Store", "Mkdir", "Remove", "RemoveDir", "Rename"}

// String lists the names of the methods.
func (m Method) String() string {
	var names []string
	for i, name := range methodNames {
		if m&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// DriverOptions say what [TestFileDriver] is to examine. New or Seeded must be
// set.
type DriverOptions struct {
	// New returns the driver on an empty storage that nobody else uses. It is
	// called once per rule; tb.TempDir and tb.Cleanup are there to free what
	// it takes.
	New func(tb testing.TB) paradise.FileDriver

	// Seeded is New for a driver that cannot store: its storage holds these
	// files from the start. Keys are names like "/folder/file"; one that ends
	// in a slash is an empty folder. Folders on the way are not listed.
	Seeded func(tb testing.TB, files map[string]string) paradise.FileDriver

	// ReadBack returns what the storage behind d holds under a name,
	// fs.ErrNotExist if nothing. Nil: by d.Open. With it uploads are examined
	// for a driver without Open.
	ReadBack func(d paradise.FileDriver, name string) ([]byte, error)

	// Session is who asks. Nil: a user "tester" that is logged in.
	Session *paradise.Session

	// Without names methods that the driver does not have. Rules that need them
	// are skipped; the methods must refuse every call. Copy and what Features
	// does not show need not be named.
	Without Method

	// Skip names rules that the storage cannot keep, each with the reason.
	// Prefer a driver that keeps them all.
	Skip map[string]string

	// Patience bounds the wait for what must end at once, such as a Write whose
	// context was cancelled. Zero: 10 seconds. A rule as a whole may take six
	// times as long.
	Patience time.Duration
}

func (o DriverOptions) withDefaults() DriverOptions {
	if o.Session == nil {
		o.Session = &paradise.Session{ID: 1, User: paradise.User{Name: "tester"}}
	}
	if o.Patience <= 0 {
		o.Patience = 10 * time.Second
	}
	return o
}

// TestFileDriver examines a driver, one subtest per rule. A rule that is broken
// is reported with its text, which is what the driver must do, and with what
// was seen instead. Run it under the race detector too.
//
//	func TestDriver(t *testing.T) {
//		paradisetest.TestFileDriver(t, paradisetest.DriverOptions{
//			New: func(tb testing.TB) paradise.FileDriver { return mydriver.New(tb.TempDir()) },
//		})
//	}
func TestFileDriver(t *testing.T, o DriverOptions) {
	t.Helper()
	o = o.withDefaults()
	if o.New == nil && o.Seeded == nil {
		t.Fatal("paradisetest: DriverOptions needs New or Seeded")
	}
	rules := allRules()
	for name := range o.Skip {
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.name == name }) {
			t.Errorf("paradisetest: DriverOptions.Skip names %q, which is no rule", name)
		}
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			res := r.examine(t, o)
			if res.skipped != "" {
				t.Skip(res.skipped)
			}
			if res.err != nil {
				t.Error(r.report(res.err))
			}
		})
	}
}

// rule is one thing that every driver must do.
type rule struct {
	name string
	text string // for the author of a driver: what must be so, and why

	needs    Method            // it cannot be examined without these
	features paradise.Features // it is for drivers with all of these
	lacking  paradise.Features // it is for drivers with none of these
	content  bool              // it looks at stored content, by Open or ReadBack
	seed     map[string]string // files that must be there before

	check func(x *exam)
}

// report is what the author of a driver reads.
func (r rule) report(err error) string {
	return fmt.Sprintf("the driver breaks the rule %s:\n\n\t%s\n\nSeen instead:\n\n\t%s\n",
		r.name, strings.ReplaceAll(strings.TrimSpace(r.text), "\n", "\n\t"),
		strings.ReplaceAll(err.Error(), "\n", "\n\t"))
}

// skip says why a rule cannot be examined; empty if it can.
func (r rule) skip(o DriverOptions) string {
	if reason, ok := o.Skip[r.name]; ok {
		return "skipped by DriverOptions: " + reason
	}
	needs := r.needs
	if o.Seeded == nil {
		needs |= seedNeeds(r.seed)
	}
	if lacks := needs & o.Without; lacks != 0 {
		return "the driver is without " + lacks.String()
	}
	if r.content && o.Without&MethodOpen != 0 && o.ReadBack == nil {
		return "the driver is without Open, and DriverOptions has no ReadBack"
	}
	return ""
}

func seedNeeds(seed map[string]string) Method {
	var m Method
	for name := range seed {
		m |= MethodStore
		if strings.Count(name, "/") > 1 {
			m |= MethodMkdir
		}
	}
	return m
}

// allRules are in the order in which they are best understood: what fails first
// is often the cause of what fails later.
func allRules() []rule {
	return slices.Concat(
		featureRules(), nameRules(), missingRules(), folderRules(), mkdirRules(),
		readRules(), listRules(), listEndRules(),
		uploadRules(), invisibleRules(), refusedStoreRules(), abortRules(), cancelRules(),
		offsetRules(), appendRules(), exclusiveRules(), concurrencyRules(),
		removeRules(), removeDirRules(), renameRules(), renameRefusedRules(), renameActRules(), storeActRules(), copyActRules(), historyRules(),
		attrRules(), leakRules(),
	)
}
