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

// generations knows the other processes of this server, so that every view shows the sum
// over all of them. The processes share a folder that nobody else may enter. In it each
// process has a socket while it lives, and leaves its totals when it ends.
type generations struct {
	p   *handover.Process
	ids paradise.IDs // the first IDs of this process

	lost string // the predecessor's reason why the configuration must not be used; empty: it may

	mu        sync.Mutex
	srv       *paradise.Server
	folder    string               // empty: there has been no restart
	before    paradise.Stats       // sum over the processes whose totals have left the folder
	summed    map[string]bool      // the processes in before that the folder still has
	known     map[string]*relative // the other processes
	inCharge  bool                 // this process has taken over
	upgrading bool                 // a successor was started and may ask this process
	socket    *http.Server         // answers the others; nil: closed
}

// relative is the last known state of another process.
type relative struct {
	name   string
	stats  paradise.Stats
	ended  bool
	silent bool
}

// handedOn is the state that a process passes to its successor.
type handedOn struct {
	Folder string         `json:"folder"`
	IDs    paradise.IDs   `json:"ids"`
	Totals paradise.Stats `json:"totals"` // sum over all processes that have ended
	Summed []string       `json:"summed"` // those of these processes that the folder still has
	Lost   string         `json:"lost"`   // why the configuration must not be used; empty: it may
}

// nameOf returns a name that is unique among the processes of one server. A process ID
// alone is not, because the system may reuse it.
func nameOf(generation, pid int) string { return fmt.Sprintf("%d-%d", generation, pid) }

// parts splits such a name. It returns zeros for any other text.
func parts(name string) (generation, pid int) {
	fmt.Sscanf(name, "%d-%d", &generation, &pid)
	return generation, pid
}

const (
	socketEnd = ".socket"
	totalsEnd = ".totals"
)

// inherit reads the state that a predecessor has passed on. State of another version may
// be unreadable; that affects the views only.
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

// tell makes srv known to the other processes. It is called before srv accepts.
func (g *generations) tell(srv *paradise.Server) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.srv = srv
	g.open()
}

// takeCharge is called after the takeover. The predecessor's totals are in before now, so
// takeCharge removes from the folder the files of the processes that they include.
func (g *generations) takeCharge() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inCharge = true
	for name := range g.summed {
		os.Remove(filepath.Join(g.folder, name+totalsEnd))
		os.Remove(filepath.Join(g.folder, name+socketEnd))
	}
}

// state returns the state for a successor that is about to be started. lost is the reason
// why the successor must not use the configuration that it will find, or empty.
func (g *generations) state(lost string) []byte {
	g.mu.Lock()
	g.upgrading = true
	if g.folder == "" {
		g.folder = makeFolder()
	}
	g.open()
	g.mu.Unlock()
	g.look() // notes which processes have ended
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

// bytes encodes h in at most handover.MaxState bytes. If h is too long, it drops the
// recent transfers.
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

// upgradeFailed notes that there is no successor.
func (g *generations) upgradeFailed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.upgrading = false
}

// look asks all other processes at once and returns their state, oldest first.
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
		g.shut() // no other process is left that could ask
	}
	return told
}

// others returns the other processes that are not known to have ended, including those
// that are new in the folder.
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

// note stores an answer, unless a newer one was stored meanwhile.
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

// kick ends a session of one of the other processes.
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

// close is called after the server of this process has stopped. The newest process removes
// the folder, because nobody needs it any more; others leave their totals in it.
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

// leaveTotals writes the totals of this process. It is called before the socket is shut,
// so that a process which finds the socket shut finds the totals.
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

// name returns the name of this process.
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
