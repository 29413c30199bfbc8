package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/handover"
	"github.com/paradiseftp/paradise/monitor"
)

// generations knows the other processes of this server, so that every view shows
// the sum: in a folder of theirs, which nobody else may enter, each has a socket
// while it lives, and leaves its totals when it ends.
type generations struct {
	p   *handover.Process
	ids paradise.IDs // where this process's begin

	lost string // why the predecessor says that the configuration must not be used

	mu        sync.Mutex
	srv       *paradise.Server
	folder    string               // empty: there has been no restart
	before    paradise.Stats       // of processes whose totals are no longer in the folder
	summed    map[string]bool      // processes that are in before
	known     map[string]*relative // the others
	inCharge  bool                 // this process has become the newest
	upgrading bool                 // a successor was started, and may look for this one
	socket    *http.Server         // nil: nobody is told
}

// relative is another process as it was known last.
type relative struct {
	name   string
	stats  paradise.Stats
	ended  bool
	silent bool
}

// handedOn is the state that a process gives its successor.
type handedOn struct {
	Folder string         `json:"folder"`
	IDs    paradise.IDs   `json:"ids"`
	Totals paradise.Stats `json:"totals"` // of all processes that have ended
	Summed []string       `json:"summed"` // those of them that the folder still has
	Lost   string         `json:"lost"`   // why the configuration must not be used; empty: it may
}

// nameOf tells processes of one server apart: a process ID may come again.
func nameOf(generation, pid int) string { return fmt.Sprintf("%d-%d", generation, pid) }

// parts of such a name; zeros where it is none.
func parts(name string) (generation, pid int) {
	fmt.Sscanf(name, "%d-%d", &generation, &pid)
	return generation, pid
}

const (
	socketEnd = ".socket"
	totalsEnd = ".totals"
)

// inherit takes what a predecessor has handed on. State of another version that
// can't be read concerns the views only.
func (g *generations) inherit(p *handover.Process) {
	var h handedOn
	if len(p.State()) > 0 && json.Unmarshal(p.State(), &h) != nil {
		h = handedOn{}
	}
	g.p, g.folder, g.ids, g.before, g.lost = p, h.Folder, h.IDs, h.Totals, h.Lost
	g.summed = make(map[string]bool)
	for _, name := range h.Summed {
		g.summed[name] = true
	}
}

// tell has the others hear of srv, from before it accepts to its end.
func (g *generations) tell(srv *paradise.Server) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.srv = srv
	g.open()
}

// takeCharge follows the takeover. The predecessor's sums are this process's now:
// the folder need not have their parts any longer.
func (g *generations) takeCharge() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inCharge = true
	for name := range g.summed {
		os.Remove(filepath.Join(g.folder, name+totalsEnd))
		os.Remove(filepath.Join(g.folder, name+socketEnd))
	}
}

// state is for the successor, which is about to be started. lost is why it must not
// use the configuration that it will find.
func (g *generations) state(lost string) []byte {
	g.mu.Lock()
	g.upgrading = true
	if g.folder == "" {
		g.folder = makeFolder()
	}
	g.open()
	g.mu.Unlock()
	g.look() // who has gone is summed
	g.mu.Lock()
	defer g.mu.Unlock()
	h := handedOn{Folder: g.folder, IDs: g.srv.NextIDs(), Totals: g.before, Lost: lost}
	h.Totals.Now = time.Now()
	for name, r := range g.known {
		if r.ended {
			h.Totals = h.Totals.Add(r.stats.Totals())
			h.Summed = append(h.Summed, name)
		}
	}
	return h.bytes()
}

// bytes never has more than a successor takes: what is for people goes first.
func (h handedOn) bytes() []byte {
	b, err := json.Marshal(h)
	if err == nil && len(b) > handover.MaxState {
		h.Totals.Recent = nil
		b, err = json.Marshal(h)
	}
	if err != nil {
		return nil
	}
	return b
}

// upgradeFailed: there is no successor.
func (g *generations) upgradeFailed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.upgrading = false
}

// look asks the others, all at once, and returns what is known of them, oldest
// first.
func (g *generations) look() []monitor.Generation {
	var asked sync.WaitGroup
	for _, r := range g.others() {
		asked.Go(func() { g.note(r, r.ask(g.path(r.name+socketEnd)), g.path(r.name+totalsEnd)) })
	}
	asked.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	var told []monitor.Generation
	if !g.before.Now.IsZero() {
		told = append(told, monitor.Generation{Stats: g.before, Ended: true})
	}
	alone := true
	for _, name := range sortedNames(g.known) {
		r := g.known[name]
		alone = alone && r.ended
		if !r.stats.Now.IsZero() {
			_, pid := parts(name)
			told = append(told, monitor.Generation{PID: pid, Stats: r.stats, Ended: r.ended, Silent: r.silent})
		}
	}
	if alone && g.inCharge && !g.upgrading {
		g.shut() // nobody is left who could ask
	}
	return told
}

// others are those that have not ended, as far as is known, and those that are
// new in the folder.
func (g *generations) others() []relative {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.folder == "" {
		return nil
	}
	if g.known == nil {
		g.known = make(map[string]*relative)
	}
	files, _ := os.ReadDir(g.folder)
	for _, f := range files {
		name, end, _ := strings.Cut(f.Name(), ".")
		if "."+end != socketEnd && "."+end != totalsEnd || name == g.name() || g.summed[name] || g.known[name] != nil {
			continue
		}
		g.known[name] = &relative{name: name}
	}
	var living []relative
	for _, r := range g.known {
		if !r.ended {
			living = append(living, *r)
		}
	}
	return living
}

// note keeps what was told, unless somebody has heard newer things meanwhile.
func (g *generations) note(r relative, a answer, totals string) {
	if a.gone {
		a.stats = readTotals(totals)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.known[r.name]
	known.silent = a.stats == nil && !a.gone
	known.ended = known.ended || a.gone
	if a.stats != nil && !a.stats.Now.Before(known.stats.Now) {
		known.stats = *a.stats
	}
}

// kick ends a session of whichever of the others has it.
func (g *generations) kick(id uint64) error {
	result := paradise.ErrNoSession
	for _, r := range g.others() {
		switch found, err := r.kick(g.path(r.name+socketEnd), id); {
		case err != nil:
			result = err
		case found:
			return nil
		}
	}
	return result
}

// close comes when this process's server has stopped. Who is the newest has
// nobody left to tell.
func (g *generations) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.folder == "" {
		return
	}
	if g.inCharge && g.p.Successor() == 0 {
		os.RemoveAll(g.folder)
	} else if g.srv != nil {
		g.leaveTotals()
	}
	g.shut()
}

// leaveTotals comes before the socket is shut: whoever finds it shut finds them.
func (g *generations) leaveTotals() {
	b, err := json.Marshal(g.srv.Stats().Totals())
	if err != nil {
		return
	}
	written := filepath.Join(g.folder, g.name()+".new")
	if os.WriteFile(written, b, 0o600) == nil {
		os.Rename(written, filepath.Join(g.folder, g.name()+totalsEnd))
	}
}

func readTotals(path string) *paradise.Stats {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	st := &paradise.Stats{}
	if json.Unmarshal(b, st) != nil {
		return nil
	}
	return st
}

// name is this process's.
func (g *generations) name() string { return nameOf(g.p.Generation(), os.Getpid()) }

func (g *generations) path(name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return filepath.Join(g.folder, name)
}

func sortedNames(m map[string]*relative) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, xpid := parts(a)
		y, ypid := parts(b)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(xpid, ypid))
	})
	return names
}
