package events_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/events"
	"github.com/paradiseftp/paradise/paradisetest"
)

func session(id uint64) *paradise.Session {
	return &paradise.Session{ID: id, User: paradise.User{Name: "anna"}, Remote: netip.MustParseAddrPort("192.0.2.7:4711")}
}

func changeOf(id uint64, name string) paradise.ChangeEvent {
	return paradise.ChangeEvent{Session: session(id), Name: name}
}

// blocked returns a dispatcher whose hook waits until release is closed or sent to.
func blocked(n int) (d *events.Dispatcher, release chan struct{}, seen *[]string) {
	release, seen = make(chan struct{}), new([]string)
	d = events.New(n, paradise.Hooks{Change: func(_ context.Context, e paradise.ChangeEvent) {
		<-release
		*seen = append(*seen, e.Name)
	}})
	return d, release, seen
}

func TestEventsKeepTheirOrder(t *testing.T) {
	var seen []string
	d := events.New(100, paradise.Hooks{
		Login:         func(_ context.Context, e paradise.LoginEvent) { seen = append(seen, "login "+e.Name) },
		TransferStart: func(_ context.Context, e paradise.TransferEvent) { seen = append(seen, "start "+e.Name) },
		TransferEnd:   func(_ context.Context, e paradise.TransferEvent) { seen = append(seen, "end "+e.Name) },
		After: func(_ context.Context, _ *paradise.Session, verb, arg string, code int) {
			seen = append(seen, "after "+verb)
		},
		Change:     func(_ context.Context, e paradise.ChangeEvent) { seen = append(seen, "change "+e.Name) },
		Disconnect: func(context.Context, *paradise.Session) { seen = append(seen, "disconnect") },
	})
	h, ctx := d.Hooks(), t.Context()
	h.Login(ctx, paradise.LoginEvent{Name: "anna"})
	h.TransferStart(ctx, paradise.TransferEvent{Name: "/f"})
	h.TransferEnd(ctx, paradise.TransferEvent{Name: "/f"})
	h.After(ctx, session(1), "STOR", "f", 226)
	h.Change(ctx, changeOf(1, "/f"))
	h.Disconnect(ctx, session(1))
	require.NoError(t, d.Close(ctx))
	assert.Equal(t, []string{"login anna", "start /f", "end /f", "after STOR", "change /f", "disconnect"}, seen)
	assert.Zero(t, d.Dropped())
}

func TestWhatCanRefuseIsNotDelayed(t *testing.T) {
	refusal := errors.New("not today")
	d := events.New(1, paradise.Hooks{
		Connect: func(context.Context, *paradise.Session) error { return refusal },
		Before:  func(context.Context, *paradise.Session, string, string) error { return refusal },
	})
	defer d.Close(t.Context())
	h := d.Hooks()
	assert.Equal(t, refusal, h.Connect(t.Context(), session(1)))
	assert.Equal(t, refusal, h.Before(t.Context(), session(1), "DELE", "f"))
	assert.Nil(t, h.Login, "hooks that were nil stay nil")
	assert.Nil(t, h.After)
}

func TestTheDataPathIsNeverBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, release, seen := blocked(2)
		h := d.Hooks()
		h.Change(t.Context(), changeOf(1, "running"))
		synctest.Wait()
		for _, name := range []string{"one", "two", "dropped", "dropped"} {
			h.Change(t.Context(), changeOf(1, name))
		}
		assert.EqualValues(t, 2, d.Dropped())
		close(release)
		require.NoError(t, d.Close(t.Context()))
		assert.Equal(t, []string{"running", "one", "two"}, *seen)
		h.Change(t.Context(), changeOf(1, "late"))
		assert.EqualValues(t, 3, d.Dropped(), "events after Close")
	})
}

func TestDropsAreLoggedAtMostOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		d, release, _ := blocked(1)
		d.Logger = slog.New(slog.NewTextHandler(&log, nil))
		d.Interval = 10*time.Second + 500*time.Millisecond
		h := d.Hooks()
		h.Change(t.Context(), changeOf(1, "running"))
		synctest.Wait()
		for range 25 { // one event a second
			h.Change(t.Context(), changeOf(1, "x"))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		require.Len(t, lines, 2)
		assert.Contains(t, lines[0], "dropped=11 total=11")
		assert.Contains(t, lines[1], "dropped=11 total=22")
		close(release)
		require.NoError(t, d.Close(t.Context()))
		assert.Contains(t, log.String(), "total=24", "the rest at the end")
	})
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, release, seen := blocked(10)
		h := d.Hooks()
		for range 3 {
			h.Change(t.Context(), changeOf(1, "x"))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, d.Close(ctx), context.DeadlineExceeded)
		close(release)
		require.NoError(t, d.Close(t.Context()))
		assert.Len(t, *seen, 1, "the one that ran")
		assert.EqualValues(t, 2, d.Dropped())
	})
}

func TestAHooksPanicIsLoggedAndNoMore(t *testing.T) {
	var log bytes.Buffer
	calls := 0
	d := events.New(10, paradise.Hooks{Change: func(context.Context, paradise.ChangeEvent) {
		calls++
		panic("broken hook")
	}})
	d.Logger = slog.New(slog.NewTextHandler(&log, nil))
	h := d.Hooks()
	h.Change(t.Context(), changeOf(1, "a"))
	h.Change(t.Context(), changeOf(1, "b"))
	require.NoError(t, d.Close(t.Context()))
	assert.Equal(t, 2, calls)
	assert.Contains(t, log.String(), "broken hook")
}

func TestAHooksContextOutlivesTheSession(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	var got context.Context
	d := events.New(1, paradise.Hooks{Disconnect: func(ctx context.Context, _ *paradise.Session) { got = ctx }})
	d.Hooks().Disconnect(ctx, session(1))
	cancel()
	require.NoError(t, d.Close(t.Context()))
	assert.NoError(t, got.Err())
	assert.Equal(t, "value", got.Value(key{}))
}

func TestManySessionsAtOnceKeepTheirOwnOrder(t *testing.T) {
	const sessions, each = 16, 200
	last := make(map[uint64]string)
	d := events.New(sessions*each, paradise.Hooks{Change: func(_ context.Context, e paradise.ChangeEvent) {
		assert.Greater(t, e.Name, last[e.Session.ID])
		last[e.Session.ID] = e.Name
	}})
	h := d.Hooks()
	var wg sync.WaitGroup
	for id := range uint64(sessions) {
		wg.Go(func() {
			for i := range each {
				h.Change(t.Context(), changeOf(id, string(rune('a'+i))))
			}
		})
	}
	wg.Wait()
	require.NoError(t, d.Close(t.Context()))
	assert.Len(t, last, sessions)
	assert.Zero(t, d.Dropped())
}

func TestXferlogLines(t *testing.T) {
	started := time.Date(2020, time.February, 9, 12, 34, 54, 0, time.UTC)
	anonymous := session(2)
	anonymous.User.Name = "anonymous"
	hostile := session(3)
	hostile.User.Name = "a b\nc"
	for _, c := range []struct {
		name, want string
		e          paradise.TransferEvent
	}{
		{"an upload", "Sun Feb  9 12:34:56 2020 2 192.0.2.7 5 /a.jpg b _ i r anna ftp 0 * c\n",
			paradise.TransferEvent{Session: session(1), Verb: "STOR", Name: "/a.jpg", Upload: true, Stored: 5, Committed: true}},
		{"an upload that failed", "Sun Feb  9 12:34:56 2020 2 192.0.2.7 5 /a.jpg b _ i r anna ftp 0 * i\n",
			paradise.TransferEvent{
				Session: session(1), Verb: "STOR", Name: "/a.jpg", Upload: true, Stored: 5, Err: errors.New("lost"),
			}},
		{"an anonymous download", "Sun Feb  9 12:34:56 2020 2 192.0.2.7 7 /b b _ o a anonymous ftp 0 * c\n",
			paradise.TransferEvent{Session: anonymous, Verb: "RETR", Name: "/b", Stored: 7}},
		{"hostile names", "Sun Feb  9 12:34:56 2020 2 192.0.2.7 0 /a_b_c_\u00e9_d_ b _ o r a_b_c ftp 0 * c\n",
			paradise.TransferEvent{Session: hostile, Verb: "RETR", Name: "/a b\nc\x1b\u00e9\xffd\u2028"}},
		{"names that cannot be seen", "Sun Feb  9 12:34:56 2020 2 192.0.2.7 0 /a_gpj___b b _ o r anna ftp 0 * c\n",
			paradise.TransferEvent{Session: session(1), Verb: "RETR", Name: "/a\u202egpj\u3164\u00a0\U000e0041b"}},
		{"a data connection that never was", "",
			paradise.TransferEvent{
				Session: session(1), Verb: "STOR", Name: "/a.jpg", Upload: true, Err: errors.New("timeout"),
			}},
		{"a listing", "", paradise.TransferEvent{Session: session(1), Verb: "MLSD", Name: "/"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.e.Started, c.e.Duration = started, 2*time.Second
			c.e.Begun = c.name != "a data connection that never was"
			var b strings.Builder
			events.Xferlog(&b)(t.Context(), c.e)
			assert.Equal(t, c.want, b.String())
		})
	}
}

func TestWithAServer(t *testing.T) {
	var b strings.Builder
	d := events.New(100, paradise.Hooks{TransferEnd: events.Xferlog(&b)})
	srv := paradisetest.NewServer(t, &paradise.Server{Hooks: d.Hooks()})
	c := srv.Dial()
	c.Login()
	assert.Equal(t, 226, c.Store("STOR /f", "hello").Code)
	_, r := c.Retrieve("RETR /f")
	assert.Equal(t, 226, r.Code)
	_, r = c.Retrieve("LIST")
	assert.Equal(t, 226, r.Code)
	srv.Close()
	require.NoError(t, d.Close(t.Context()))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, lines, 2)
	assert.Contains(t, lines[0], " 127.0.0.1 5 /f b _ i r auser ftp 0 * c")
	assert.Contains(t, lines[1], " 127.0.0.1 5 /f b _ o r auser ftp 0 * c")
}
