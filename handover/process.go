package handover

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// MaxState bounds what Options.State may return, in bytes.
const MaxState = 64 << 10

const (
	defaultReadyTimeout = 60 * time.Second
	defaultSettle       = time.Second
	defaultGrace        = 30 * time.Second
)

var (
	// ErrUpgrading is returned by Upgrade while another Upgrade runs.
	ErrUpgrading = errors.New("handover: an upgrade is already going on")
	// ErrNotReady is returned by Upgrade before Ready has succeeded.
	ErrNotReady = errors.New("handover: process is not ready")
	// ErrHandedOver is returned once a successor has taken over: upgrade that
	// one.
	ErrHandedOver = errors.New("handover: a newer process has taken over")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("handover: closed")
)

// Options configure a [Process]. The zero value works.
type Options struct {
	// PIDFile is written by Ready, always whole, and removed by Close if it is
	// still ours. Empty: none.
	PIDFile string

	// State is called by each Upgrade; the successor gets the result from
	// [Process.State]. It is meant for a little JSON, at most [MaxState] bytes,
	// and is passed through a socket, not the environment. Nil: nothing.
	State func() []byte

	// Executable is what Upgrade starts, with the arguments of this process.
	// Empty: the program itself, by the path it was started with.
	Executable string

	// ReadyTimeout bounds the successor's start up to its Ready. Zero: 60 s;
	// negative: no bound but Upgrade's context.
	ReadyTimeout time.Duration

	// Settle is how long a successor that is ready must stay alive before it
	// takes over; both accept meanwhile. Zero: 1 s; negative: none.
	Settle time.Duration

	// ReportCrash lets a panic before the takeover appear in the predecessor's
	// Upgrade error, as well as on standard error. It uses
	// debug.SetCrashOutput: leave it off in a program that does so itself.
	ReportCrash bool

	// The rest is for [Run].

	// Grace is how long a process that has been replaced leaves idle clients
	// alone. Zero: 30 s; negative: none.
	Grace time.Duration

	// DrainTimeout bounds a drain, with its grace. Zero: it takes the time that
	// transfers take.
	DrainTimeout time.Duration

	// OnReady is called once this process is the one that counts. Nil: nothing.
	OnReady func()

	// OnFailure is told why a restart failed, which changes nothing. Nil: the
	// default logger is.
	OnFailure func(error)
}

// phase is where a process stands in its life.
type phase int

const (
	starting phase = iota
	announcing
	serving
	handedOver
	closed
)

// Process is this process as one generation of a server. Its methods may be
// called from several goroutines at once.
type Process struct {
	opts       Options
	exe, dir   string
	generation int
	before     int // the predecessor's pid; 0: none
	state      []byte
	systemd    systemd
	retired    chan struct{} // closed when this process is no longer the newest
	ended      chan error    // of the first that Go ran

	upgrading sync.Mutex // held by the one Upgrade that runs

	mu        sync.Mutex // guards the rest
	phase     phase
	successor int      // pid, once it has taken over
	unclaimed []socket // inherited, not yet asked for
	sockets   []socket // handed out by Listen
	parent    *parent  // nil in generation 0 and once this process has taken over
}

// socket is a listener with the name it keeps through all generations.
type socket struct {
	name  string
	l     net.Listener
	owned bool // the path of a Unix socket is ours to remove, not systemd's
}

// New takes over what a predecessor or systemd has passed to this process, and
// removes the announcing variables from the environment. Call it once, early,
// before other goroutines start programs or change the working folder.
func New(o Options) (*Process, error) {
	exe, err := executable(o.Executable)
	if err != nil {
		return nil, fmt.Errorf("handover: finding the executable: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("handover: finding the working folder: %w", err)
	}
	if o.PIDFile != "" {
		if o.PIDFile, err = filepath.Abs(o.PIDFile); err != nil {
			return nil, fmt.Errorf("handover: pid file: %w", err)
		}
	}
	p := &Process{opts: o, exe: exe, dir: dir, systemd: systemdFromEnv(), retired: make(chan struct{}), ended: make(chan error, 1)}
	if err := p.inherit(); err != nil {
		return nil, fmt.Errorf("handover: %w", err)
	}
	return p, nil
}

// inherit reads and clears the environment and adopts what it announces.
func (p *Process) inherit() error {
	a, err := announced(os.Getenv, os.Getpid())
	for _, name := range []string{envPID, envFDs, envNames, envGeneration} {
		os.Unsetenv(name)
	}
	if err != nil {
		return err
	}
	p.generation = a.generation
	if p.unclaimed, err = adopt(a); err != nil {
		return err
	}
	if a.generation == 0 {
		return nil
	}
	if err := p.greet(a); err != nil {
		closeAll(p.unclaimed)
		return err
	}
	return nil
}

// greet opens the link to the predecessor and hears what it has to say.
func (p *Process) greet(a announcement) error {
	link, err := openLink(firstFD + len(a.names))
	if err != nil {
		return err
	}
	par := &parent{link: link}
	h, err := par.hello()
	if err != nil {
		link.Close()
		return err
	}
	p.parent = par
	p.before = h.PID
	p.state = h.State
	for i := range p.unclaimed {
		p.unclaimed[i].owned = i < len(h.Owned) && h.Owned[i]
	}
	if p.opts.ReportCrash {
		return par.reportCrashes()
	}
	return nil
}

// Generation counts the upgrades that led to this process; 0 was started by
// somebody else.
func (p *Process) Generation() int { return p.generation }

// Predecessor is the process ID of the generation before, which may have ended
// since; 0 in generation 0, and where the predecessor did not live to tell it.
func (p *Process) Predecessor() int { return p.before }

// Successor is the process ID of the generation that has taken over, and 0 until
// [Process.Upgrade] has returned nil.
func (p *Process) Successor() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.successor
}

// State returns what the predecessor's Options.State said; nil in generation 0.
func (p *Process) State() []byte { return p.state }

// Fail tells the predecessor why this process is not going to be ready, so that
// its Upgrade error says so. It does not end the process. In generation 0 and
// after the takeover it does nothing.
func (p *Process) Fail(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parent != nil {
		p.parent.say(reason.Error())
	}
}

// Close ends the process's part: an Upgrade that is going on is given up, the
// pid file is removed if this process is the newest and the file is still its
// own, and inherited listeners that nobody asked for are closed. Listeners from
// Listen belong to the caller. Call it before the process exits: a successor
// whose predecessor vanishes during an upgrade takes over.
func (p *Process) Close() error {
	p.mu.Lock()
	before := p.phase
	p.phase = closed
	closeAll(p.unclaimed)
	p.unclaimed = nil
	if p.parent != nil {
		p.parent.close()
		p.parent = nil
	}
	p.mu.Unlock()
	if before == closed {
		return nil
	}
	if before == handedOver {
		return nil // the pid file is the successor's, or will be in a moment
	}
	close(p.retired)
	p.upgrading.Lock() // the successor has been killed by then
	defer p.upgrading.Unlock()
	if before != serving {
		return nil
	}
	return removePIDFile(p.opts.PIDFile, os.Getpid())
}

func closeAll(sockets []socket) {
	for _, s := range sockets {
		s.l.Close()
	}
}

// executable returns the absolute path to start successors from. It keeps
// symbolic links, and so prefers the name the program was started by over
// os.Executable, where that is the same file.
func executable(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	byName, err := exec.LookPath(os.Args[0])
	if err != nil {
		return self, nil
	}
	if byName, err = filepath.Abs(byName); err != nil {
		return self, nil
	}
	a, errA := os.Stat(byName)
	b, errB := os.Stat(self)
	if errA != nil || errB != nil || !os.SameFile(a, b) {
		return self, nil
	}
	return byName, nil
}

// orDefault reads a duration where zero is the default and negative is none.
func orDefault(d, def time.Duration) (time.Duration, bool) {
	if d == 0 {
		return def, true
	}
	return d, d > 0
}
