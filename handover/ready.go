package handover

import (
	"errors"
	"fmt"
	"os"
)

// Ready makes this process the one that counts. Call it when the listeners are
// being served. It waits for the predecessor to let go (Settle), closes inherited
// listeners that nobody asked for, tells systemd (READY=1, MAINPID) and puts the
// pid file into place.
//
// After an error before the takeover the process should exit: its predecessor
// goes on. A pid file that cannot be put into place is reported after the
// takeover; the process is in charge all the same.
func (p *Process) Ready() error {
	p.mu.Lock()
	if p.phase != starting {
		p.mu.Unlock()
		return errors.New("handover: Ready was called before")
	}
	p.phase = announcing
	par := p.parent
	p.mu.Unlock()

	// A pid file that cannot be written is found out while failing is cheap.
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
