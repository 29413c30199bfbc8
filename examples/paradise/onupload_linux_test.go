package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/journal/deliver"
)

// receiver is the service behind -on-upload.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	names []string
}

func receive(t *testing.T, secret string) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		rec, err := deliver.Read(req, []byte(secret))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.names = append(r.names, rec.Name)
	}))
	t.Cleanup(r.Close)
	return r
}

// got returns the names that were delivered, each once and sorted, because the promise is "at
// least once", and two processes promise no order.
func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(r.names)))
}

func TestEveryUploadIsToldAlsoAcrossARestart(t *testing.T) {
	r := receive(t, "key")
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("key\n"), 0o600))
	p := launch(t, "-on-upload", r.URL, "-on-upload-secret-file", key)
	c := p.login()
	require.NoError(t, c.Stor("a", strings.NewReader("one")))
	p.until("the first is told", func() bool { return len(r.got()) == 1 })
	slow := p.upload(c, "slow")
	p.restart()
	young := p.login()
	require.NoError(t, young.Stor("b", strings.NewReader("two")))
	require.NoError(t, young.Quit())
	require.NoError(t, slow.finish())
	require.NoError(t, c.Quit())
	p.until("both are told", func() bool { return len(r.got()) == 3 })
	assert.Equal(t, []string{"/a", "/b", "/slow"}, r.got())
}

func TestAnUploadThatTheServiceRefusesHoldsUpNoOther(t *testing.T) {
	var mu sync.Mutex
	var told []string
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var rec journal.Record
		json.NewDecoder(r.Body).Decode(&rec)
		if rec.Name == "/bad" {
			http.Error(w, "no such customer", http.StatusUnprocessableEntity)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		told = append(told, rec.Name)
	}))
	defer hs.Close()
	file := filepath.Join(t.TempDir(), "journal")
	p := launch(t, "-on-upload", hs.URL, "-journal", file, "-on-upload-max-refusals", "1")
	c := p.login()
	for _, name := range []string{"bad", "good"} {
		require.NoError(t, c.Stor(name, strings.NewReader("x")))
	}
	p.until("the one behind it is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Equal(told, []string{"/good"})
	})
	b, err := os.ReadFile(file + ".dead-letters")
	require.NoError(t, err)
	var d deliver.DeadLetter
	require.NoError(t, json.Unmarshal(b, &d))
	assert.Equal(t, "/bad", d.Record.Name)
	assert.Equal(t, "no such customer\n", d.Answer)
	p.logged("put aside", 1)
	assert.Equal(t, 1, p.gauge(`paradise_webhook_records_total{result="put_aside"}`))
	p.until("both are counted", func() bool { return p.gauge(`paradise_webhook_records_total{result="delivered"}`) == 1 })
}

// Reconcile looks for an upload of a dead process in the home of the account.
func TestUploadsOfTheDeadAreLookedForInTheirHome(t *testing.T) {
	dir := t.TempDir()
	cfg := &config{root: filepath.Join(dir, "root"), onUpload: onUpload{journal: filepath.Join(dir, "journal")}}
	h := newHomes(cfg)
	defer h.Close()
	d, err := h.open("anna")
	require.NoError(t, err)
	intent := map[string]any{"id": "dead-1", "event": "intent", "user": "anna", "name": "/f", "size": 4,
		"before": map[string]any{"exists": false}}
	writeJournal(t, cfg.onUpload.journal, intent)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root", "anna", "f"), []byte("data"), 0o600))

	u, err := openUploads(cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer u.close()
	_, err = u.wrap(d).Store(t.Context(), &paradise.Session{}, "/g", paradise.StoreOptions{})
	require.ErrorIs(t, err, journal.ErrNotReconciled)
	require.NoError(t, u.reconcile(t.Context(), h, map[string]*account{"anna": {Home: "anna"}}))
	for rec, err := range u.journal.Follow(t.Context(), journal.Position{}) {
		require.NoError(t, err)
		if rec.Event != journal.Intent {
			assert.Equal(t, journal.Reconciled, rec.Event)
			break
		}
	}
}

func writeJournal(t *testing.T, name string, records ...any) {
	t.Helper()
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	e := json.NewEncoder(f)
	require.NoError(t, e.Encode(map[string]any{"event": "begin", "segment": 1}))
	for _, r := range records {
		require.NoError(t, e.Encode(r))
	}
}

func TestACheckOfTheConfigurationOpensNoJournal(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-root", filepath.Join(dir, "root"), "-journal", filepath.Join(dir, "journal"), "-on-upload",
		"http://127.0.0.1:1/"}
	cfg, err := parseFlags(append(args, "-check"), io.Discard)
	require.NoError(t, err)
	require.NoError(t, cfg.try(io.Discard))
	assert.NoFileExists(t, filepath.Join(dir, "journal"))

	for _, c := range []struct {
		want string
		args []string
	}{
		{"below -root", []string{"-root", dir, "-journal", filepath.Join(dir, "journal")}},
		{"without -on-upload", []string{"-on-upload-secret-file", "x"}},
		{`-on-upload-max-refusals is "-1"`, []string{"-on-upload-max-refusals", "-1"}},
	} {
		_, err := parseFlags(c.args, io.Discard)
		assert.ErrorContains(t, err, c.want)
	}
	cfg, err = parseFlags([]string{"-check", "-root", filepath.Join(dir, "root"), "-on-upload", "ftp://host/"}, io.Discard)
	require.NoError(t, err)
	assert.ErrorContains(t, cfg.try(io.Discard), "http or https")
}
