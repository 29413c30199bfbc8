package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/memfs"
)

// service answers requests without a network.
type service struct {
	answer func(n int) (status int, err error) // of the nth request
	bodies []string
	at     []time.Time
	heads  []http.Header
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.bodies = append(s.bodies, string(b))
	s.at = append(s.at, time.Now())
	s.heads = append(s.heads, r.Header)
	status, err := s.answer(len(s.bodies))
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func always(status int) func(int) (int, error) {
	return func(int) (int, error) { return status, nil }
}

// bench is a journal and a service in a synctest bubble.
type bench struct {
	t   *testing.T
	j   *journal.Journal
	svc *service
	o   Options
	log bytes.Buffer
}

func inBubble(t *testing.T, f func(b *bench)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		j, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{MaxSize: 2 << 10, Keep: 2})
		require.NoError(t, err)
		defer j.Close()
		b := &bench{t: t, j: j, svc: &service{answer: always(200)}}
		b.o = Options{URL: "http://hook.example.com/secret-token", State: filepath.Join(dir, "state"), Client: &http.Client{Transport: b.svc}}
		b.o.Logger = slog.New(slog.NewTextHandler(&b.log, nil))
		f(b)
	})
}

// run delivers for so long.
func (b *bench) run(d time.Duration) *Sink {
	b.t.Helper()
	s, err := New(b.j, b.o)
	require.NoError(b.t, err)
	ctx, cancel := context.WithTimeout(b.t.Context(), d)
	defer cancel()
	require.NoError(b.t, s.Run(ctx))
	return s
}

func (b *bench) upload(names ...string) {
	b.t.Helper()
	d := b.j.Wrap(memfs.New())
	for _, name := range names {
		u, err := d.Store(b.t.Context(), &paradise.Session{User: paradise.User{Name: "anna"}}, name, paradise.StoreOptions{})
		require.NoError(b.t, err)
		require.NoError(b.t, u.Begin(b.t.Context(), paradise.UploadInfo{}))
		require.NoError(b.t, u.Commit(b.t.Context()))
	}
}

// got lists the names of the requests.
func (b *bench) got() []string {
	synctest.Wait()
	var names []string
	for _, body := range b.svc.bodies {
		_, rest, _ := strings.Cut(body, `"name":"`)
		name, _, _ := strings.Cut(rest, `"`)
		names = append(names, name)
	}
	return names
}

func TestEachCommittedUploadIsPostedOnceInOrder(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.upload("/a", "/b", "/c")
		s := b.run(time.Minute)
		assert.Equal(t, []string{"/a", "/b", "/c"}, b.got())
		assert.EqualValues(t, 3, s.Delivered())
		assert.Contains(t, b.svc.bodies[0], `"event":"done"`)
		assert.NotEmpty(t, b.svc.heads[0].Get("Paradise-Id"))
		b.run(time.Minute)
		assert.Len(t, b.got(), 3, "a restart goes on where it was")
		b.upload("/d")
		b.run(time.Minute)
		assert.Equal(t, []string{"/a", "/b", "/c", "/d"}, b.got())
	})
}

func TestFailuresAreTriedAgainWithLongerPauses(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.o.MaxBackoff = 5 * time.Second
		b.svc.answer = func(n int) (int, error) {
			switch {
			case n == 1:
				return 0, errors.New("connection refused")
			case n < 6:
				return 500 + n%4, nil
			}
			return 204, nil
		}
		start := time.Now()
		b.upload("/a", "/b")
		b.run(time.Minute)
		assert.Equal(t, []string{"/a", "/a", "/a", "/a", "/a", "/a", "/b"}, b.got())
		var after []time.Duration
		for _, at := range b.svc.at {
			after = append(after, at.Sub(start)/time.Second)
		}
		assert.Equal(t, []time.Duration{0, 1, 3, 7, 12, 17, 17}, after)
		assert.Contains(t, b.log.String(), "connection refused")
		assert.NotContains(t, b.log.String(), "secret-token")
	})
}

func TestWhatWasNotTakenIsSentAfterARestart(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.upload("/a", "/b")
		b.svc.answer = func(n int) (int, error) { return map[bool]int{true: 200, false: 503}[n == 1], nil }
		b.run(time.Minute)
		b.svc.bodies = nil
		b.svc.answer = always(200)
		b.run(time.Minute)
		assert.Equal(t, []string{"/b"}, b.got())
	})
}

// The end of a process, as at a restart, must not be held up by a service: what it
// may have taken is sent again, and the ID tells.
func TestAnAbandonedRequestIsRepeatedWithItsID(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.upload("/a", "/b")
		b.o.Client.Transport = unanswered{b.svc}
		assert.Zero(t, b.run(time.Second).Delivered())
		b.o.Client.Transport = b.svc
		b.run(time.Second)
		assert.Equal(t, []string{"/a", "/a", "/b"}, b.got())
		assert.Equal(t, b.svc.bodies[0], b.svc.bodies[1])
		var ids []string
		for i, body := range b.svc.bodies {
			var rec journal.Record
			require.NoError(t, json.Unmarshal([]byte(body), &rec))
			assert.Equal(t, rec.ID, b.svc.heads[i].Get("Paradise-Id"))
			ids = append(ids, rec.ID)
		}
		assert.NotEmpty(t, ids[0])
		assert.Equal(t, ids[0], ids[1], "a repeat")
		assert.NotEqual(t, ids[1], ids[2], "another upload")
	})
}

// unanswered lets a service take requests, and its answers never arrive.
type unanswered struct{ taker *service }

func (u unanswered) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := u.taker.RoundTrip(r); err != nil {
		return nil, err
	}
	return hanging{}.RoundTrip(r)
}

func TestARecordThatIsNeverTakenIsGivenUpWhereThatIsWanted(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.o.MaxTries = 3
		b.upload("/poison", "/good")
		b.svc.answer = func(n int) (int, error) { return map[bool]int{true: 400, false: 200}[n <= 3], nil }
		s := b.run(time.Minute)
		assert.Equal(t, []string{"/poison", "/poison", "/poison", "/good"}, b.got())
		assert.EqualValues(t, 1, s.GivenUp())
		assert.Contains(t, b.log.String(), "given up")
	})
}

func TestRedirectsAreFailures(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.o.MaxTries = 1
		b.svc.answer = always(302)
		b.upload("/a")
		assert.EqualValues(t, 1, b.run(time.Second/2).GivenUp())
	})
}

func TestAServiceThatHangsIsLeftAfterTheTimeout(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.o.MaxTries = 1
		b.o.Timeout = 3 * time.Second
		b.o.Client.Transport = hanging{}
		b.upload("/a")
		assert.EqualValues(t, 1, b.run(3500*time.Millisecond).GivenUp())
	})
}

type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAnOutageLongerThanTheJournalIsToldAndPassed(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.upload("/first")
		b.run(time.Minute)
		for i := range 40 {
			b.upload(fmt.Sprintf("/f%d", i))
		}
		b.run(time.Minute)
		assert.Contains(t, b.log.String(), "records may have been missed")
		assert.Equal(t, "/f39", b.got()[len(b.got())-1])
	})
}

// Whoever reads that records were missed wants to know since when.
func TestMissedRecordsAreToldWithWhereDeliveryStood(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.upload("/first")
		var stood journal.Position
		for r, err := range b.j.Follow(b.t.Context(), journal.Position{}) {
			require.NoError(t, err)
			stood = r.Next
			if r.Event.Committed() {
				break
			}
		}
		b.svc.answer = func(n int) (int, error) {
			for i := 0; n == 1 && i < 40; i++ { // while the first one is under way
				b.upload(fmt.Sprintf("/f%d", i))
			}
			return 200, nil
		}
		b.run(time.Minute)
		assert.Contains(t, b.log.String(), "records may have been missed")
		assert.Contains(t, b.log.String(), "position="+stood.String())
		assert.Equal(t, "/first", b.got()[0])
		assert.Equal(t, "/f39", b.got()[len(b.got())-1])
	})
}

func TestProcessesWithOneStateTakeTurns(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.upload("/a")
		old, err := New(b.j, b.o)
		require.NoError(t, err)
		young, err := New(b.j, b.o)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(b.t.Context())
		oldCtx, stopOld := context.WithCancel(b.t.Context())
		ends := make(chan error, 2)
		go func() { ends <- old.Run(oldCtx) }()
		synctest.Wait()
		go func() { ends <- young.Run(ctx) }()
		time.Sleep(10 * time.Second)
		assert.Equal(t, []string{"/a"}, b.got())
		stopOld()
		require.NoError(t, <-ends)
		b.upload("/b")
		time.Sleep(10 * time.Second)
		assert.Equal(t, []string{"/a", "/b"}, b.got())
		assert.EqualValues(t, 1, young.Delivered())
		cancel()
		require.NoError(t, <-ends)
	})
}

func TestAPositionThatIsNotReadableMeansAll(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.upload("/a")
		require.NoError(t, os.WriteFile(b.o.State, []byte("rubbish"), 0o600))
		b.run(time.Minute)
		assert.Equal(t, []string{"/a"}, b.got())
		assert.Contains(t, b.log.String(), "not readable")
	})
}

func TestAJournalThatCannotBeReadForATimeIsTriedAgain(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.upload("/a")
		name := filepath.Join(filepath.Dir(b.o.State), "journal")
		for _, want := range [][]string{{"/a"}, {"/a", "/b"}} { // from the beginning, and from a position
			b.log.Reset()
			require.NoError(t, os.Rename(name, name+".away"))
			time.AfterFunc(10*time.Second, func() { assert.NoError(t, os.Rename(name+".away", name)) })
			b.run(time.Minute)
			assert.Equal(t, want, b.got())
			assert.Equal(t, 4, strings.Count(b.log.String(), "cannot be read"), "after 0, 1, 3 and 7 seconds")
			b.upload("/b")
		}
	})
}

// Somebody has removed a file in the middle.
func TestAJournalWithAGapIsReadAgainWithLongerPauses(t *testing.T) {
	inBubble(t, func(b *bench) {
		for i := range 40 {
			b.upload(fmt.Sprintf("/f%d", i))
		}
		all, err := filepath.Glob(filepath.Join(filepath.Dir(b.o.State), "journal.0*"))
		require.NoError(t, err)
		require.NoError(t, os.Remove(all[len(all)-1]))
		b.run(time.Minute)
		assert.Equal(t, 6, strings.Count(b.log.String(), "records may have been missed"), "after 0, 1, 3, 7, 15 and 31 seconds")
	})
}

func TestAPositionThatCannotBeKeptHoldsNothingUp(t *testing.T) {
	inBubble(t, func(b *bench) {
		inTheWay := b.o.State + ".new"
		require.NoError(t, os.Mkdir(inTheWay, 0o700))
		b.upload("/a", "/b")
		b.run(time.Minute)
		assert.Equal(t, []string{"/a", "/b"}, b.got())
		assert.Contains(t, b.log.String(), "position cannot be kept")
		require.NoError(t, os.Remove(inTheWay))
		b.run(time.Minute)
		b.run(time.Minute)
		assert.Equal(t, []string{"/a", "/b", "/a", "/b"}, b.got(), "again after a restart, and then kept")
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{}, {URL: "ftp://host/", State: "s"}, {URL: "http://", State: "s"}, {URL: "http://host/"}, {URL: ":", State: "s"}} {
		_, err := New(nil, o)
		assert.Error(t, err, "%+v", o)
	}
}

func TestRequestsAreSigned(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.o.Secret = []byte("key")
		b.upload("/a\xff")
		b.run(time.Minute)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(b.svc.bodies[0]))
		r.Header = b.svc.heads[0]
		rec, err := Read(r, []byte("key"))
		require.NoError(t, err)
		assert.Equal(t, "/a\xff", rec.Name)
		assert.Equal(t, rec.ID, r.Header.Get("Paradise-Id"))
	})
}

func TestReadRefuses(t *testing.T) {
	now := time.Unix(1700000000, 0)
	secret := []byte("key")
	const body = `{"id":"a-1","name":"/f"}`
	for _, c := range []struct {
		name, stamp, signature, body string
		secret                       []byte
		ok                           bool
	}{
		{"a good one", "1700000000", sign(secret, "1700000000", []byte(body)), body, secret, true},
		{"an old one", "1699999699", sign(secret, "1699999699", []byte(body)), body, secret, false},
		{"one of the future", "1700000301", sign(secret, "1700000301", []byte(body)), body, secret, false},
		{"another body", "1700000000", sign(secret, "1700000000", []byte(body)), `{"id":"b"}`, secret, false},
		{"another time", "1700000001", sign(secret, "1700000000", []byte(body)), body, secret, false},
		{"no signature", "1700000000", "", body, secret, false},
		{"no secret", "1700000000", sign(nil, "1700000000", []byte(body)), body, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set(headerTimestamp, c.stamp)
			r.Header.Set(headerSignature, c.signature)
			rec, err := read(r, c.secret, now)
			if c.ok {
				require.NoError(t, err)
				assert.Equal(t, "/f", rec.Name)
				return
			}
			require.ErrorIs(t, err, ErrSignature)
			assert.Empty(t, rec)
		})
	}
}
