package handover

import (
	"errors"
	"fmt"
	"os"
)

// Ready puts this process in charge. Call it when the listeners are being served. It
// waits until the predecessor hands over (Options.Settle), closes inherited listeners
// that Listen has not returned, puts the pid file into place and notifies systemd
// (READY=1, MAINPID).
//
// If Ready fails before the takeover, the process should exit; its predecessor goes
// on. If it fails to put the pid file into place or to notify systemd, which comes
// after the takeover, it returns that error, but the process is in charge.
func (p *Process) Ready() error {
	p.mu.Lock()
	if p.phase != starting {
		p.mu.Unlock()
		return errors.New("handover: Ready was called before")
	}
	p.phase = announcing
	par := p.parent
	p.mu.Unlock()

	// Failing is cheap before the takeover, so the pid file is written now.
	pf, err := preparePIDFile(p.opts.PIDFile, os.Getpid())
	if err == nil && par != nil {
		err = par.ready()
	}
	if err == nil {
		err = p.takeOver()
	}
	if err != nil {
		pf.discard()
		return err
	}
	return errors.Join(pf.publish(), p.systemd.send("READY=1", mainPID(os.Getpid())))
}

func (p *Process) takeOver() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase == closed {
		return ErrClosed
	}
	p.phase = serving
	unlinkOnClose(p.sockets, true)
	unlinkOnClose(p.unclaimed, true)
	closeAll(p.unclaimed)
	p.unclaimed = nil
	if p.parent != nil {
		p.parent.close()
		p.parent = nil
	}
	return nil
}

func mainPID(pid int) string { return fmt.Sprintf("MAINPID=%d", pid) }
