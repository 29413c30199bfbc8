package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// web is an HTTP service beside the FTP server. It does not use http.Server.Shutdown,
// which may drop the request of a connection that was accepted last: viewers of the
// monitor would see an error at a restart.
type web struct {
	*http.Server
	l     net.Listener
	ended chan struct{} // closed when Serve has returned
	open  atomic.Int64  // number of open connections
}

// startWeb serves hs at l.
func startWeb(hs *http.Server, l net.Listener, log *slog.Logger) *web {
	w := &web{Server: hs, l: l, ended: make(chan struct{})}
	hs.ConnState = w.count
	hs.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	go func() {
		defer close(w.ended)
		if err := hs.Serve(l); !errors.Is(err, net.ErrClosed) {
			log.Error("web service", "addr", l.Addr().String(), "error", err)
		}
	}()
	return w
}

func (w *web) count(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		w.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		w.open.Add(-1)
	}
}

// stop accepts no more connections, and lets each end after its current answer.
func (w *web) stop() {
	w.l.Close()
	<-w.ended
	w.SetKeepAlivesEnabled(false)
}

// close waits for requests, at most until the deadline, and then closes all connections.
func (w *web) close(deadline time.Time) {
	w.stop()
	for w.open.Load() > 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	w.Server.Close()
}
