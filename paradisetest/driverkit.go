// Package paradisetest helps to test programs and drivers built on paradise.
//
// [NewServer] starts a server for a test and checks that it ends properly; [Dial]
// connects a raw client; [Play] runs a transcript, which is a written conversation.
//
// [TestFileDriver] tests a driver against the rules of [paradise.FileDriver]. [Count]
// checks how a server treats its driver, and [Faults] makes a driver fail at any chosen
// point.
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
	// WithoutWrites is for storages that can only be read.
	WithoutWrites = MethodStore | MethodMkdir | MethodRemove | MethodRemoveDir | MethodRename
	// WithoutAllButStore is for storages that only accept files, such as a queue or
	// a web service.
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

// DriverOptions describe the driver for [TestFileDriver]. New or Seeded must be set.
type DriverOptions struct {
	// New returns a driver with an empty storage that nobody else uses. It is called
	// once per rule. Use tb.TempDir and tb.Cleanup to free its resources.
	New func(tb testing.TB) paradise.FileDriver

	// Seeded replaces New for a driver that cannot store. The storage of the driver
	// that it returns must hold these files. A key is a name like "/folder/file" and
	// its value the content; a key that ends with a slash is an empty folder. Parent
	// folders have no keys of their own.
	Seeded func(tb testing.TB, files map[string]string) paradise.FileDriver

	// ReadBack returns the content that the storage behind d holds under a name, or
	// fs.ErrNotExist. It allows testing the uploads of a driver without Open. Nil:
	// d.Open is used.
	ReadBack func(d paradise.FileDriver, name string) ([]byte, error)

	// Session is passed to the driver. Nil: a session of the user "tester".
	Session *paradise.Session

	// Without names methods that the driver does not have. Rules that need them are
	// skipped; the methods must refuse every call. Do not name Copy, or abilities
	// that Features does not show.
	Without Method

	// Skip names rules that the storage cannot follow, each with the reason. Prefer a
	// driver that follows all rules.
	Skip map[string]string

	// Patience bounds the wait for calls that must return at once, such as a Write
	// whose context was cancelled. Zero: 10 s. A whole rule may take six times as
	// long.
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

// TestFileDriver tests a driver, with one subtest per rule. The report of a broken rule
// says what the driver must do and what it did instead. Run the test under the race
// detector too, and some times over: what happens at once does not collide each time.
//
// A lost answer of the storage cannot be brought about from outside, so it is for a
// test of the driver's own: that Commit then returns [paradise.ErrUnknownOutcome], and
// that the Abort which follows leaves alone what may be published.
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

// rule is a requirement that every driver must meet.
type rule struct {
	name string
	text string // tells the author of a driver what is required, and why

	needs    Method            // the rule is skipped for drivers without all of these
	features paradise.Features // the rule is only for drivers with all of these
	lacking  paradise.Features // the rule is only for drivers with none of these
	content  bool              // the rule reads stored content, by Open or ReadBack
	seed     map[string]string // files that must exist before

	check func(x *exam)
}

// report returns the text of a finding for the author of a driver.
func (r rule) report(err error) string {
	return fmt.Sprintf("the driver breaks the rule %s:\n\n\t%s\n\nSeen instead:\n\n\t%s\n",
		r.name, strings.ReplaceAll(strings.TrimSpace(r.text), "\n", "\n\t"),
		strings.ReplaceAll(err.Error(), "\n", "\n\t"))
}

// skip returns why a rule cannot be tested, or "" if it can.
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

// allRules returns the rules with the basic ones first: the first failure is often the
// cause of those that follow.
func allRules() []rule {
	return slices.Concat(
		featureRules(), nameRules(), missingRules(), folderRules(), mkdirRules(),
		readRules(), listRules(), listEndRules(),
		uploadRules(), invisibleRules(), refusedStoreRules(), abortRules(), cancelRules(),
		offsetRules(), appendRules(), exclusiveRules(), concurrencyRules(),
		removeRules(), removeDirRules(), renameRules(), renameRefusedRules(),
		renameActRules(), storeActRules(), copyActRules(), historyRules(),
		attrRules(), leakRules(),
	)
}
