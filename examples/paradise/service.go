package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/handover"
	"github.com/paradiseftp/paradise/monitor"
)

// service is everything that runs in one process.
type service struct {
	cfg   *config
	args  []string
	p     *handover.Process
	older *generations
	level slog.LevelVar
	log   *slog.Logger

	files *homes
	xfers *xferlog // nil: none
	users logins
	certs *certFiles        // nil: none
	acme  *autocert.Manager // nil: none
	srv   *paradise.Server
	page  *monitor.Handler // nil: off
	web   []*http.Server   // monitor and ACME challenges

	background context.Context // of what runs beside the server
	cancel     context.CancelFunc
	listeners  int        // of srv
	served     chan error // a listener's end
	stop       chan os.Signal
	hangup     chan os.Signal
	restart    chan os.Signal
}

// newService makes all that can fail because of the configuration, and binds
// nothing.
func newService(cfg *config, args []string, p *handover.Process, older *generations) (*service, error) {
	s := &service{cfg: cfg, args: args, p: p, older: older, files: newHomes(cfg),
		served: make(chan error, 2), stop: make(chan os.Signal, 2), hangup: make(chan os.Signal, 1), restart: make(chan os.Signal, 1)}
	s.background, s.cancel = context.WithCancel(context.Background())
	s.level.Set(cfg.logLevel)
	s.log = newLogger(cfg, &s.level, s.users.tracing)
	if err := s.build(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *service) build() error {
	certs, err := s.openTLS()
	if err != nil {
		return err
	}
	if s.files.uploads, err = openUploads(s.cfg, s.log); err != nil {
		return err
	}
	dir, err := newDirectory(s.cfg, s.files, s.cfg.policy())
	if err != nil {
		return err
	}
	if err := s.files.uploads.reconcile(s.background, s.files, dir.accounts); err != nil {
		return err
	}
	s.users.current.Store(dir)
	if s.srv, err = newServer(s.cfg, s.log, s.files, &s.users, certs); err != nil {
		return err
	}
	tried, err := newServer(s.cfg, s.log, s.files, &s.users, certs)
	if err != nil {
		return err
	}
	if err := probe(tried); err != nil {
		return err
	}
	if s.xfers, err = openXferlog(s.cfg, s.log); err != nil {
		return err
	}
	s.srv.Hooks = s.xfers.hooks()
	s.page, err = s.cfg.newMonitor(s.srv, func() { s.stop <- syscall.SIGTERM }, s.older.ask)
	return err
}

// openTLS returns nil if there is to be no TLS.
func (s *service) openTLS() (*tls.Config, error) {
	var err error
	switch {
	case s.cfg.acme.domains != "":
		s.acme = s.cfg.acme.manager()
		return s.cfg.tlsConfig(s.cfg.acme.certificateFor(s.acme)), nil
	case s.cfg.tlsCert != "":
		if s.certs, err = openCert(s.cfg.tlsCert, s.cfg.tlsKey); err != nil {
			return nil, err
		}
		return s.cfg.tlsConfig(s.certs.get), nil
	}
	return nil, nil
}

func (s *service) close() {
	s.cancel()
	s.closeWeb()
	s.files.uploads.close()
	s.xfers.close()
	s.files.Close()
}

// start serves, and is the process that counts once it returns nil.
func (s *service) start() error {
	s.notifyStop()
	open, err := s.listen()
	if err != nil {
		return err
	}
	if err := s.checkOpen(open); err != nil {
		return err
	}
	s.cfg.noteAccounts()
	s.serve(open)
	// Before Ready: whoever learns of this process by its pid file or from
	// systemd may signal it at once. It is obeyed once Ready has returned.
	handover.NotifyRestart(s.restart)
	if err := s.p.Ready(); err != nil {
		return err
	}
	s.files.uploads.deliver(s.background)
	go s.p.Watchdog(s.background, func() bool { s.srv.Stats(); return true })
	if s.p.Generation() == 0 {
		welcome(s.cfg, open)
	}
	s.warnOfClear(open["ftp"])
	s.warn(s.users.current.Load())
	facts := []any{"addr", open["ftp"].Addr().String(), "pid", os.Getpid(), "generation", s.p.Generation()}
	if old := s.p.Predecessor(); old != 0 {
		facts = append(facts, "old_pid", old)
	}
	s.log.Info("serving", facts...)
	return nil
}

// listen opens all listeners. Their names are also those that a systemd socket
// unit gives them.
func (s *service) listen() (map[string]net.Listener, error) {
	open := make(map[string]net.Listener)
	for name, addr := range map[string]string{"ftp": s.cfg.addr, "ftps": s.cfg.tlsAddr, "monitor": s.cfg.monitor, "acme": s.acmeAddr()} {
		if addr == "" {
			continue
		}
		l, err := s.p.Listen(name, "tcp", addr)
		if err != nil {
			for _, l := range open {
				l.Close()
			}
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		open[name] = l
	}
	return open, nil
}

// checkOpen looks at what is listened on in truth: systemd or an older process may
// have bound something else than the settings say.
func (s *service) checkOpen(open map[string]net.Listener) error {
	for name, flag := range map[string]string{"ftp": "addr", "ftps": "tls-addr"} {
		l := open[name]
		if l == nil {
			continue
		}
		if err := s.cfg.checkDefaultAccount(flag, l.Addr()); err != nil {
			for _, l := range open {
				l.Close()
			}
			return err
		}
	}
	return nil
}

// warn logs what is most likely not as it was meant.
func (s *service) warn(d *directory) {
	for _, text := range d.warnings(s.cfg) {
		s.log.Warn(text)
	}
}

func (s *service) serve(open map[string]net.Listener) {
	if l := open["acme"]; l != nil {
		s.web = append(s.web, serveChallenges(s.acme, l))
	}
	if l := open["monitor"]; l != nil {
		s.web = append(s.web, s.serveMonitor(l))
	}
	s.listeners = 1
	if l := open["ftps"]; l != nil {
		s.listeners++
		go func() { s.served <- s.srv.ServeTLS(l) }()
	}
	go func() { s.served <- s.srv.Serve(open["ftp"]) }()
}

func (s *service) acmeAddr() string {
	if s.acme == nil {
		return ""
	}
	return s.cfg.acme.http
}

// webGrace is how long a request to the monitor may take to end.
const webGrace = 2 * time.Second

// closeWeb gives the web listeners up.
func (s *service) closeWeb() {
	if s.page != nil {
		s.page.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), webGrace)
	defer cancel()
	for _, hs := range s.web {
		if hs.Shutdown(ctx) != nil {
			hs.Close()
		}
	}
}

// renewCert takes a certificate whose files were exchanged.
func (s *service) renewCert() {
	if s.certs == nil || !s.certs.changed() {
		return
	}
	if err := s.certs.load(); err != nil {
		s.log.Warn("the old certificate stays", "error", err)
		return
	}
	s.log.Info("certificate loaded", "file", s.certs.cert)
}

// hints tell what to type next; where TLS is required a plain client is refused.
func hints(cfg *config, addr net.Addr) {
	if cfg.policy().TLS == paradise.TLSOptional {
		fmt.Printf("try:  ftp ftp://auser:secret@%s\n", addr)
		fmt.Printf("or:   curl -T README.md ftp://auser:secret@%s/\n", addr)
		return
	}
	fmt.Printf("try:  curl --ssl-reqd -k -T README.md ftp://auser:secret@%s/\n", addr)
}

// warnOfClear says that passwords can be read on the way.
func (s *service) warnOfClear(l net.Listener) {
	addr, ok := l.Addr().(*net.TCPAddr)
	if ok && !addr.IP.IsLoopback() && !s.cfg.hasTLS() {
		s.log.Warn("logins and data travel in the clear: give -tls-cert and -tls-key", "addr", addr.String())
	}
}

// welcome tells where it serves.
func welcome(cfg *config, open map[string]net.Listener) {
	addr := open["ftp"].Addr()
	fmt.Println("listening on: ", addr)
	if l := open["ftps"]; l != nil {
		fmt.Println("implicit TLS: ", l.Addr())
	}
	if !cfg.namesAccounts() {
		hints(cfg, addr)
	}
	if l := open["monitor"]; l != nil {
		fmt.Printf("see:  curl http://%s/\n", l.Addr())
	}
}
