package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/events"
	"github.com/paradiseftp/paradise/handover"
	"github.com/paradiseftp/paradise/monitor"
)

// service is everything that runs in one process.
type service struct {
	mu     sync.Mutex // guards cfg once the service is ready
	cfg    *config
	args   []string
	p      *handover.Process
	others *generations
	level  slog.LevelVar
	log    *slog.Logger
	lines  *events.Writer // writes the lines of log
	print  *events.Writer // writes to standard output

	files *homes
	xfers *xferlog // nil: none
	users logins
	certs *certFiles        // nil: none
	acme  *autocert.Manager // nil: none
	srv   *paradise.Server
	page  *monitor.Handler // nil: off
	web   []*web           // monitor and ACME challenges

	background context.Context // for goroutines beside the server; ended by cancel
	cancel     context.CancelFunc
	watching   context.Context // for the monitor, which records each second; ended by unwatch
	unwatch    context.CancelFunc
	open       map[string]net.Listener
	accepting  sync.WaitGroup // for the listeners of srv
	leaving    chan struct{}  // closed when this process starts to end
	leave      sync.Once      // closes leaving
	stopped    sync.Once      // logs that the server has stopped
	stop       chan os.Signal
	hangup     chan os.Signal
}

// newService creates everything that can fail because of the configuration. It binds no
// addresses.
func newService(cfg *config, args []string, p *handover.Process, others *generations) (*service, error) {
	s := &service{cfg: cfg, args: args, p: p, others: others, files: newHomes(cfg), leaving: make(chan struct{}),
		stop: make(chan os.Signal, 2), hangup: make(chan os.Signal, 1)}
	s.background, s.cancel = context.WithCancel(context.Background())
	s.watching, s.unwatch = context.WithCancel(s.background)
	s.level.Set(cfg.logLevel)
	s.lines, s.print = openLog(cfg), events.NewWriter(os.Stdout, logQueue)
	s.log = newLogger(cfg, s.lines, &s.level, s.users.tracing)
	s.files.options.Logger = s.log
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
	if err := s.cfg.checkFolders(); err != nil {
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
	s.srv.FirstIDs = s.others.ids
	s.page, err = s.cfg.newMonitor(s.srv, monitor.Options{
		Drain:       func() { s.stop <- syscall.SIGTERM },
		Generations: s.others.look,
		Kick:        s.others.kick,
		Ready:       s.foldersReady,
		Metrics:     s.metrics,
	})
	return err
}

// openTLS returns nil if no certificate is configured.
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
	flush(s.print, s.lines)
}

// start starts to serve. The process handles signals once it is in charge, but subscribes
// to them here: a program that learns the process ID from the pid file may send one at
// once.
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
	s.open = open
	s.others.tell(s.srv)
	s.serve(open)
	return nil
}

// ready is called once this process is in charge.
func (s *service) ready(stop func()) {
	s.others.takeCharge()
	s.files.uploads.deliver(s.background)
	go s.watchFolders()
	go s.p.Watchdog(s.background, func() bool { s.srv.Stats(); return true })
	if s.p.Generation() == 0 {
		s.print.Write([]byte(welcome(s.cfg, s.open)))
	}
	s.warnOfClear(s.open["ftp"])
	s.warn(s.users.current.Load())
	facts := []any{"addr", s.open["ftp"].Addr().String(), "generation", s.p.Generation()}
	if old := s.p.Predecessor(); old != 0 {
		facts = append(facts, "old_pid", old)
	}
	s.log.Info("serving", facts...)
	go s.obey(stop)
}

// listen opens all listeners. A systemd socket unit uses the same names.
func (s *service) listen() (map[string]net.Listener, error) {
	open := make(map[string]net.Listener)
	for name, addr := range map[string]string{
		"ftp": s.cfg.addr, "ftps": s.cfg.tlsAddr, "monitor": s.cfg.monitor, "acme": s.acmeAddr(),
	} {
		if addr == "" {
			continue
		}
		l, err := s.p.Listen(name, "tcp", addr)
		if err != nil {
			for _, l := range open {
				l.Close()
			}
			return nil, cannotListen(name, err)
		}
		open[name] = l
	}
	return open, nil
}

// cannotListen names the flag of a listener that could not be opened.
func cannotListen(name string, err error) error {
	flags := map[string]string{"ftp": "-addr", "ftps": "-tls-addr", "monitor": "-monitor", "acme": "-acme-http"}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %w: stop the program that has it, or give another host:port", flags[name], err)
	}
	return fmt.Errorf("%s: %w", flags[name], err)
}

// checkOpen checks the real addresses of the listeners: systemd or an older process may
// have bound others than those in the settings.
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

// warn logs the warnings about the settings.
func (s *service) warn(d *directory) {
	for _, text := range d.warnings(s.cfg) {
		s.log.Warn(text)
	}
}

// foldersReady returns an error that names the folders that cannot be served.
func (s *service) foldersReady() error {
	var names []string
	for _, a := range s.users.current.Load().accounts {
		if a.Home != "" {
			names = append(names, a.Home)
		}
	}
	return s.files.ready(names)
}

// lookEvery is how often the folders are checked, so that the log reports a missing folder
// even if no client uses it.
const lookEvery = 5 * time.Second

// watchFolders checks the folders, which log their faults themselves. It runs on its own
// goroutine, because a disk may hang.
func (s *service) watchFolders() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.foldersReady()
		case <-s.background.Done():
			return
		}
	}
}

func (s *service) serve(open map[string]net.Listener) {
	if l := open["acme"]; l != nil {
		s.web = append(s.web, serveChallenges(s.acme, l, s.log))
	}
	if l := open["monitor"]; l != nil {
		s.web = append(s.web, s.serveMonitor(l))
	}
	if l := open["ftps"]; l != nil {
		s.accept(l, s.srv.ServeTLS)
	}
	s.accept(open["ftp"], s.srv.Serve)
}

func (s *service) accept(l net.Listener, serve func(net.Listener) error) {
	s.accepting.Add(1)
	s.p.Go(func() error {
		defer s.accepting.Done()
		return serve(l)
	})
}

func (s *service) acmeAddr() string {
	if s.acme == nil {
		return ""
	}
	return s.cfg.acme.http
}

// webGrace is how long the end of the process waits for requests to the monitor.
const webGrace = 2 * time.Second

// stopWeb closes the web listeners and ends requests that would never end.
func (s *service) stopWeb() {
	if s.page != nil {
		s.page.Close()
	}
	s.unwatch()
	for _, w := range s.web {
		w.stop()
	}
}

// closeWeb waits for the remaining requests, at most webGrace.
func (s *service) closeWeb() {
	s.stopWeb()
	deadline := time.Now().Add(webGrace)
	for _, w := range s.web {
		w.close(deadline)
	}
}

// renewCert loads the certificate again if its files have changed.
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

// times returns the grace and the time limit of a drain. A grace of zero stays zero.
func (s *service) times(grace time.Duration) (time.Duration, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if grace > 0 {
		grace = s.cfg.grace
	}
	return grace, s.cfg.drain
}

// hints returns commands to try next. If TLS is required, it does not show a client
// without TLS.
func hints(cfg *config, addr net.Addr) string {
	if cfg.policy().TLS == paradise.TLSOptional {
		return fmt.Sprintf("try:  ftp ftp://auser:secret@%[1]s\nor:   curl -T README.md ftp://auser:secret@%[1]s/\n", addr)
	}
	return fmt.Sprintf("try:  curl --ssl-reqd -k -T README.md ftp://auser:secret@%s/\n", addr)
}

// warnOfClear warns if passwords cross the network in the clear.
func (s *service) warnOfClear(l net.Listener) {
	addr, ok := l.Addr().(*net.TCPAddr)
	if ok && !addr.IP.IsLoopback() && !s.cfg.hasTLS() {
		s.log.Warn("logins and data travel in the clear: give -tls-cert and -tls-key", "addr", addr.String())
	}
}

// welcome returns the text that says where the server listens.
func welcome(cfg *config, open map[string]net.Listener) string {
	addr := open["ftp"].Addr()
	text := fmt.Sprintln("listening on: ", addr)
	if l := open["ftps"]; l != nil {
		text += fmt.Sprintln("implicit TLS: ", l.Addr())
	}
	if !cfg.namesAccounts() {
		text += hints(cfg, addr)
	}
	if l := open["monitor"]; l != nil {
		text += fmt.Sprintf("see:  curl http://%s/\n", l.Addr())
	}
	return text
}
