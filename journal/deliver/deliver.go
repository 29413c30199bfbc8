// Package deliver posts the uploads that a journal notes to a URL: a webhook that
// misses none.
//
// Each record of a committed upload (done or reconciled) is sent as the JSON of a
// [journal.Record], one after the other in the order of the journal, until the
// service answers with a 2xx status. How far it came is kept in a file, so that it
// goes on there after a restart. The service gets each upload at least once and
// tells repeats by the ID. A record that it refuses again and again is put aside, so
// that it does not hold up the rest.
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

	// MaxRefusals is after how many refusals a record is put aside in DeadLetters: a
	// refusal is a status 4xx that is about the record, which is all but 401, 403,
	// 404, 405, 407, 408, 410, 421, 425, 426 and 429, or a record of which no request
	// can be made. Restarts do not begin the count anew. Zero: 8, which takes two
	// minutes with the pauses of zero; negative: never.
	MaxRefusals int

	// MaxTries is after how many failures of any kind, outages too, a record is put
	// aside. Zero: never.
	MaxTries int

	// DeadLetters is the file of records that were put aside, a [DeadLetter] a line.
	// Nothing bounds it or removes it. While it cannot be written to, delivery waits.
	// Empty: the name of State, and .dead-letters.
	DeadLetters string

	// Logger is told of failures. Nil: nothing is logged.
	Logger *slog.Logger
}

// Sink is a journal's way to a service. New makes one.
type Sink struct {
	j      *journal.Journal
	o      Options
	host   string // for logs: the rest of the URL may hold a token
	client *http.Client

	delivered, putAside atomic.Uint64
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
	o.MaxRefusals = cmp.Or(o.MaxRefusals, 8)
	o.DeadLetters = cmp.Or(o.DeadLetters, o.State+".dead-letters")
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

// GivenUp returns how many records were put aside, after MaxRefusals or MaxTries.
func (s *Sink) GivenUp() uint64 { return s.putAside.Load() }

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
			if !s.deliver(ctx, st, r) {
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

// deliver tries until the record is taken or put aside; false: ctx has ended.
func (s *Sink) deliver(ctx context.Context, st *state, r journal.Record) bool {
	pause := s.o.MinBackoff
	refusals := st.refusals(r.ID)
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
		if aboutRecord(err) {
			refusals++
			st.refused(r.ID, refusals)
		}
		if s.enough(try, refusals) {
			err = s.putAway(DeadLetter{Time: time.Now(), Tries: max(try, refusals), Error: err.Error(), Answer: answerOf(err), Record: r})
			if err == nil {
				log.Error("webhook: record given up and put aside", "file", s.o.DeadLetters)
				return true
			}
			log.Error("webhook: record cannot be put aside, delivery waits", "cause", err, "again_in", pause)
		} else {
			log.Warn("webhook: not taken", "again_in", pause)
		}
		if !sleep(ctx, pause) {
			return false
		}
		pause = s.longer(pause)
	}
}

// enough reports whether a record has held up the others for long enough.
func (s *Sink) enough(tries, refusals int) bool {
	return s.o.MaxRefusals > 0 && refusals >= s.o.MaxRefusals || s.o.MaxTries > 0 && tries >= s.o.MaxTries
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
		return recordError{err}
	}
	if !printable(r.ID) {
		return recordError{errors.New("the ID cannot be a header")}
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
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	io.CopyN(io.Discard, resp.Body, maxBody) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return &statusError{resp.StatusCode, string(said)}
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
