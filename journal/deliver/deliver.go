// Package deliver posts the uploads that a journal notes to a URL: a webhook that
// misses none.
//
// Each record of a committed upload (done or reconciled) is sent as the JSON of a
// [journal.Record], one after the other in the order of the journal, until the
// service answers with a 2xx status. How far it came is kept in a file, so that it
// goes on there after a restart. The service gets each upload at least once and
// tells repeats by the ID.
package deliver

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/paradiseftp/paradise/internal/signed"
	"github.com/paradiseftp/paradise/journal"
)

// Options say where records go. URL and State must be set.
type Options struct {
	// URL takes the POST requests; http or https. Redirects are not followed.
	URL string

	// State is the file that holds the position. Processes that have the same one
	// take turns: the next begins when the one before has ended.
	State string

	// Secret signs the requests: see [Read]. Empty: they are not signed.
	Secret []byte

	// Client sends the requests. Nil: one of its own.
	Client *http.Client

	// Timeout bounds one request. Zero: 10 seconds.
	Timeout time.Duration

	// MinBackoff is the pause after the first failure, which doubles with each to
	// MaxBackoff. Zero: 1 second and 5 minutes.
	MinBackoff, MaxBackoff time.Duration

	// MaxTries is after how many failures a record is given up, so that one that
	// the service never takes does not hold up the rest. Zero: never.
	MaxTries int

	// Logger is told of failures. Nil: nothing is logged.
	Logger *slog.Logger
}

// Sink is a journal's way to a service. New makes one.
type Sink struct {
	j      *journal.Journal
	o      Options
	host   string // for logs: the rest of the URL may hold a token
	client *http.Client

	delivered, gaveUp atomic.Uint64
}

// New checks the options; [Sink.Run] does the work.
func New(j *journal.Journal, o Options) (*Sink, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("deliver: URL must be http or https and name a host")
	}
	if o.State == "" {
		return nil, errors.New("deliver: State must name a file")
	}
	if err := signed.CheckSecret(o.Secret); err != nil {
		return nil, fmt.Errorf("deliver: %w", err)
	}
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.MinBackoff = cmp.Or(o.MinBackoff, time.Second)
	o.MaxBackoff = max(cmp.Or(o.MaxBackoff, 5*time.Minute), o.MinBackoff)
	o.Secret = bytes.Clone(o.Secret)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	client := http.Client{}
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Sink{j: j, o: o, host: u.Host, client: &client}, nil
}

// Delivered returns how many records the service has taken.
func (s *Sink) Delivered() uint64 { return s.delivered.Load() }

// GivenUp returns how many records were given up after MaxTries.
func (s *Sink) GivenUp() uint64 { return s.gaveUp.Load() }

// Run delivers until ctx ends, and then returns nil; an error says that State cannot
// be opened. A journal that cannot be read for a time is tried again, with the pauses
// of a service that fails. A position that cannot be kept holds nothing up: a restart
// sends more again. Call Run once.
func (s *Sink) Run(ctx context.Context) error {
	st, err := openState(ctx, s.o.State)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("deliver: %w", err)
	}
	defer st.close()
	at, err := st.load()
	if err != nil {
		s.o.Logger.Warn("webhook: position is not readable; all that is kept is sent again", "error", err)
	}
	for pause := s.o.MinBackoff; ; pause = s.longer(pause) {
		began := time.Now()
		at, err = s.follow(ctx, st, at)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > pause {
			pause = s.o.MinBackoff
		}
		log := s.o.Logger.With("position", at, "error", err, "again_in", pause)
		if errors.Is(err, journal.ErrGone) {
			log.Error("webhook: records may have been missed; all that is kept is sent again")
			at = journal.Position{}
		} else {
			log.Error("webhook: journal cannot be read")
		}
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

// follow returns how far it came, also with an error.
func (s *Sink) follow(ctx context.Context, st *state, at journal.Position) (journal.Position, error) {
	for r, err := range s.j.Follow(ctx, at) {
		if err != nil {
			return at, err
		}
		if r.Event.Committed() {
			if !s.deliver(ctx, r) {
				return at, nil
			}
			if err := st.save(r.Next); err != nil {
				s.o.Logger.Error("webhook: position cannot be kept; a restart sends records again", "error", err)
			}
		}
		at = r.Next
	}
	return at, nil
}

// deliver tries until the record is taken or given up; false: ctx has ended.
func (s *Sink) deliver(ctx context.Context, r journal.Record) bool {
	pause := s.o.MinBackoff
	for try := 1; ; try++ {
		err := s.post(ctx, r)
		if err == nil {
			s.delivered.Add(1)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		log := s.o.Logger.With("host", s.host, "id", r.ID, "name", r.Name, "try", try, "error", err)
		if try == s.o.MaxTries {
			log.Error("webhook: record given up")
			s.gaveUp.Add(1)
			return true
		}
		log.Warn("webhook: not taken", "again_in", pause)
		if !sleep(ctx, pause) {
			return false
		}
		pause = s.longer(pause)
	}
}

func (s *Sink) longer(pause time.Duration) time.Duration { return min(2*pause, s.o.MaxBackoff) }

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (s *Sink) post(ctx context.Context, r journal.Record) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "paradise")
	req.Header.Set(headerID, r.ID)
	if len(s.o.Secret) > 0 {
		stamp := strconv.FormatInt(time.Now().Unix(), 10)
		req.Header.Set(headerTimestamp, stamp)
		req.Header.Set(headerSignature, sign(s.o.Secret, stamp, body))
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	io.CopyN(io.Discard, resp.Body, maxBody) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// withoutURL takes the URL, which may hold a token, out of an error.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}
