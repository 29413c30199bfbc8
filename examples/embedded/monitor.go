package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/monitor"
)

// staff are the people who may log in to the web service, by name.
type staff map[string]person

type person struct {
	password string
	operator bool // may end sessions
}

// addMonitor shows the FTP server below /ftp/ of the web service, behind the login that
// the service has already: the monitor needs no token of its own.
func addMonitor(web *http.Server, ftp *paradise.Server, people staff, hosts ...string) error {
	page, err := monitor.New(ftp, monitor.Options{Authorize: people.authorize, Hosts: hosts})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler)
	mux.Handle("/ftp/", people.login(http.StripPrefix("/ftp", page)))
	web.Handler = mux
	web.RegisterOnShutdown(page.Close)
	return nil
}

// authorize lets all of the staff look, and the operators act.
func (s staff) authorize(r *http.Request) (read, act bool) {
	p, ok := s.loggedIn(r)
	return ok, ok && p.operator
}

// login is that of the service; here browsers ask for name and password themselves.
func (s staff) login(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.loggedIn(r); !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="staff"`)
			http.Error(w, "Please log in", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s staff) loggedIn(r *http.Request) (person, bool) {
	name, password, _ := r.BasicAuth()
	p, known := s[name]
	want, got := sha256.Sum256([]byte(p.password)), sha256.Sum256([]byte(password))
	return p, known && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
