package paradise

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"maps"
	"time"

	"github.com/paradiseftp/paradise/internal/ftptls"
)

// init checks the fields and prepares what all listeners share, once.
func (srv *Server) init() error {
	srv.once.Do(func() {
		srv.prepare()
		if srv.state.checkErr == nil && srv.TLSConfig == nil && srv.Policy.TLS == TLSDefault {
			srv.env.log.Warn("logins and data travel in the clear: no TLSConfig is set")
		}
	})
	return srv.state.checkErr
}

func (srv *Server) prepare() {
	st, e := &srv.state, &srv.env
	st.mu.Lock()
	defer st.mu.Unlock()
	first := srv.FirstIDs.orRandom()
	e.sessions.startAt(first.Session)
	e.counters.nextChannel.Store(first.Channel)
	st.started = time.Now()
	st.stop = make(chan struct{})
	e.log = srv.Logger
	if e.log == nil {
		e.log = slog.Default()
	}
	if st.checkErr = srv.check(); st.checkErr != nil {
		return
	}
	e.table, st.checkErr = newCommandTable(srv.Commands, srv.SiteCommands)
	if st.checkErr != nil {
		return
	}
	e.config = srv.frozen()
	e.network = srv.network
	if e.network.listen == nil {
		e.network = realNetwork()
	}
	e.tls = srv.tlsSetup()
	e.admission = newAdmission(e.limits)
	if !st.draining {
		e.parker = newParker(e.sessions.find)
	}
}

// frozen copies the fields that sessions read.
func (srv *Server) frozen() config {
	return config{
		auth:         srv.Auth,
		files:        srv.Files,
		hosts:        maps.Clone(srv.Hosts),
		banner:       cmp.Or(srv.Banner, "Welcome to Paradise"),
		policy:       srv.Policy,
		passive:      srv.Passive,
		active:       srv.Active,
		timeouts:     srv.Timeouts.withDefaults(),
		limits:       srv.Limits.withDefaults(),
		hooks:        srv.Hooks,
		sniffLen:     cmp.Or(srv.SniffLen, 512),
		acceptUpload: srv.AcceptUpload,
	}
}

// tlsSetup is nil where TLS is not possible.
func (srv *Server) tlsSetup() *ftptls.Setup {
	if srv.TLSConfig == nil {
		return nil
	}
	hosts := make(map[string]*tls.Config)
	for name, h := range srv.Hosts {
		hosts[name] = h.TLSConfig
	}
	return ftptls.New(ftptls.Options{
		Config:    srv.TLSConfig,
		Hosts:     hosts,
		StrictSNI: srv.StrictSNI,
		NoTickets: srv.Policy.DataTLSReuse == ReuseOff,
	})
}
