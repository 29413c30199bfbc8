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

// MaxState is the most bytes that Options.State may return.
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
	// ErrHandedOver is returned once a successor has taken over. Upgrade the
	// successor instead.
	ErrHandedOver = errors.New("handover: a newer process has taken over")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("handover: closed")
)

// Options configure a [Process]. The zero value works.
type Options struct {
	// PIDFile is the path of a file that holds the process ID. Ready writes it
	// atomically; Close removes it if it still names this process. Empty: none.
	PIDFile string

	// State is called by each Upgrade; the successor gets the result from
	// [Process.State]. It is meant for a little JSON, at most [MaxState] bytes, and
	// is passed through a socket, not through the environment. Nil: no state.
	State func() []byte

	// Executable is the program that Upgrade starts, with the arguments of this
	// process. Empty: this program, by the path it was started with.
	Executable string

	// ReadyTimeout bounds the successor's start up to its Ready. Zero: 60 s;
	// negative: only Upgrade's context bounds it.
	ReadyTimeout time.Duration

	// Settle is how long a successor that is ready must stay alive before it takes
	// over; both processes accept meanwhile. Zero: 1 s; negative: none.
	Settle time.Duration

	// ReportCrash adds the text of a panic before the takeover to the error of the
	// predecessor's Upgrade; standard error gets it too. It uses
	// debug.SetCrashOutput: leave it off in a program that calls that itself.
	ReportCrash bool

	// The fields below are for [Run].

	// Grace is how long a process that has been replaced leaves idle clients
	// connected. Zero: 30 s; negative: none.
	Grace time.Duration

	// DrainTimeout bounds a drain, including its grace. Zero or negative: a drain
	// lasts as long as the transfers do.
	DrainTimeout time.Duration

	// OnReady is called once this process is in charge. Nil: nothing is called.
	OnReady func()

	// OnFailure gets the error of a failed restart, which has changed nothing. Nil:
	// the error goes to the default logger.
	OnFailure func(error)
}

// phase is a stage in the life of a Process.
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
	ended      chan error    // result of the first function run by Go that returned

	upgrading sync.Mutex // held by the one Upgrade that runs

	mu        sync.Mutex // guards the fields below
	phase     phase
	successor int      // the successor's pid, once it has taken over
	unclaimed []socket // inherited, not yet returned by Listen
	sockets   []socket // returned by Listen
	parent    *parent  // nil in generation 0 and once this process has taken over
}

// socket is a listener and its name, which stays the same in all generations.
type socket struct {
	name  string
	l     net.Listener
	owned bool // we, not systemd, remove the path of this Unix socket
}

// New inherits the listeners that a predecessor or systemd has passed to this process,
// and removes the variables that announce them from the environment. Call it once,
// early, before other goroutines start programs or change the working folder.
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
	p := &Process{
		opts: o, exe: exe, dir: dir,
		systemd: systemdFromEnv(),
		retired: make(chan struct{}),
		ended:   make(chan error, 1),
	}
	if err := p.inherit(); err != nil {
		return nil, fmt.Errorf("handover: %w", err)
	}
	return p, nil
}

// inherit reads and clears the announcement in the environment and adopts its
// descriptors.
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

// greet opens the link to the predecessor and reads its hello.
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

// Generation returns the number of upgrades that led to this process. Generation 0 was
// not started by an Upgrade.
func (p *Process) Generation() int { return p.generation }

// Predecessor returns the process ID of the generation before, which may have ended
// since. It is 0 in generation 0, and if the predecessor died before it sent its ID.
func (p *Process) Predecessor() int { return p.before }

// Successor returns the process ID of the generation that has taken over, and 0 until
// [Process.Upgrade] has succeeded.
func (p *Process) Successor() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.successor
}

// State returns the result of the predecessor's Options.State; nil in generation 0.
func (p *Process) State() []byte { return p.state }

// Fail tells the predecessor why this process will not become ready; the reason
// becomes part of the error of its Upgrade. Fail does not end the process. In
// generation 0 and after the takeover it does nothing.
func (p *Process) Fail(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parent != nil {
		p.parent.say(reason.Error())
	}
}

// Close gives up an Upgrade that is running, removes the pid file if this process is
// the newest and the file still names it, and closes inherited listeners that Listen
// has not returned. Listeners from Listen belong to the caller. Call Close before the
// process exits: if a predecessor just vanishes during an upgrade, its successor takes
// over.
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
		return nil // the pid file belongs to the successor, now or in a moment
	}
	close(p.retired)
	p.upgrading.Lock() // once we hold it, a running Upgrade has killed its successor
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

// executable returns the absolute path of the program that Upgrade starts. It must
// keep symbolic links, which os.Executable resolves. So it prefers the name by which
// the program was started, if that names the same file.
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

// orDefault returns d, or def if d is zero. It returns false if d is negative, which
// means none.
func orDefault(d, def time.Duration) (time.Duration, bool) {
	if d == 0 {
		return def, true
	}
	return d, d > 0
}
