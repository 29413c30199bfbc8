package monitor

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stream is a viewer's end of /events.
type stream struct {
	t    *testing.T
	body io.Closer
	r    *bufio.Reader
}

func (w *watched) view() *stream {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	w.t.Cleanup(cancel)
	resp, err := http.DefaultTransport.RoundTrip(w.request("GET", "/events", "").WithContext(ctx))
	require.NoError(w.t, err)
	w.t.Cleanup(func() { resp.Body.Close() })
	require.Equal(w.t, http.StatusOK, resp.StatusCode)
	require.Equal(w.t, "text/event-stream", resp.Header.Get("Content-Type"))
	return &stream{t: w.t, body: resp.Body, r: bufio.NewReader(resp.Body)}
}

// next reads one event into data.
func (s *stream) next(name string, data any) {
	s.t.Helper()
	var lines [3]string
	for i := range lines {
		line, err := s.r.ReadString('\n')
		require.NoError(s.t, err)
		lines[i] = strings.TrimSuffix(line, "\n")
	}
	require.Equal(s.t, "event: "+name, lines[0])
	body, ok := strings.CutPrefix(lines[1], "data: ")
	require.True(s.t, ok, lines[1])
	require.NoError(s.t, json.Unmarshal([]byte(body), data))
	require.Empty(s.t, lines[2])
}

func (s *stream) stats() Snapshot {
	s.t.Helper()
	var snap Snapshot
	s.next("stats", &snap)
	return snap
}

func TestAViewerGetsThePastAndThenEachSecond(t *testing.T) {
	w := watch(t, Options{})
	v := w.view()
	var past []Point
	v.next("history", &past)
	assert.NotEmpty(t, past)
	first := v.stats()
	assert.Empty(t, first.Sessions)
	w.login("auser")
	second := v.stats()
	require.Len(t, second.Sessions, 1)
	assert.Equal(t, "auser", second.Sessions[0].User)
	assert.InDelta(t, time.Second, second.Now.Sub(first.Now), float64(500*time.Millisecond))
}

func TestAllViewersShareOneSnapshot(t *testing.T) {
	w := watch(t, Options{})
	a, b := w.view(), w.view()
	var past []Point
	a.next("history", &past)
	b.next("history", &past)
	a.stats()
	b.stats()
	assert.Equal(t, a.stats().Now, b.stats().Now)
}

func TestAStreamOutlivesTheServersWriteTimeout(t *testing.T) {
	w := watch(t, Options{})
	hs := httptest.NewUnstartedServer(w.handler)
	hs.Config.WriteTimeout, hs.Config.ReadTimeout = 200*time.Millisecond, 200*time.Millisecond
	hs.Start()
	t.Cleanup(hs.Close)
	t.Cleanup(w.handler.Close)
	w.http = hs
	v := w.view()
	var past []Point
	v.next("history", &past)
	for range 3 {
		v.stats()
	}
}

func TestAViewerThatReadsNothingHoldsUpNobody(t *testing.T) {
	w := watch(t, Options{})
	nc, err := net.Dial("tcp", w.http.Listener.Addr().String())
	require.NoError(t, err)
	defer nc.Close()
	_, err = io.WriteString(nc, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return w.handler.hub.watched() == 1 }, 5*time.Second, time.Millisecond)
	v := w.view()
	var past []Point
	v.next("history", &past)
	v.stats()
	v.stats()
}

// watched returns the number of viewers.
func (h *hub) watched() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.viewers)
}

func TestNobodyIsSampledForWhenNobodyWatches(t *testing.T) {
	w := watch(t, Options{})
	w.view().body.Close()
	require.Eventually(t, func() bool {
		h := w.handler.hub
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.viewers) == 0 && !h.running
	}, 5*time.Second, 10*time.Millisecond)
	v := w.view()
	var past []Point
	v.next("history", &past)
	v.stats()
	v.stats()
}

func TestOnlySoManyMayWatch(t *testing.T) {
	w := watch(t, Options{})
	for range maxViewers {
		_, ok := w.handler.hub.join()
		require.True(t, ok)
	}
	resp, _ := w.get("/events")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	assert.NotEmpty(t, resp.Header.Get("Retry-After"))
}

func TestCloseEndsTheStreams(t *testing.T) {
	w := watch(t, Options{})
	v := w.view()
	w.handler.Close()
	w.handler.Close()
	_, err := io.Copy(io.Discard, v.r)
	require.NoError(t, err, "a clean end")
	resp, _ := w.get("/events")
	assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
}

func TestAWriterThatCannotStreamIsRefused(t *testing.T) {
	w := watch(t, Options{})
	r := w.request("GET", "/events", "")
	r = r.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, w.http.Listener.Addr()))
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	assert.Equal(t, http.StatusInternalServerError, rec.Code)
	assert.Zero(t, w.handler.hub.watched())
}

func TestRecordFillsThePast(t *testing.T) {
	w := watch(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.handler.Record(ctx)
	}()
	require.Eventually(t, func() bool {
		w.handler.hub.mu.Lock()
		defer w.handler.hub.mu.Unlock()
		return len(w.handler.hub.meter.past) >= 2
	}, 10*time.Second, 10*time.Millisecond)
	cancel()
	<-ended
}
