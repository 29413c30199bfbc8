package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/printable"
	"github.com/paradiseftp/paradise/monitor"
)

// hostile is a name that contains characters which no screen may show.
const hostile = "a\x1b[31m\u009b\x7f\u202Egpj\u2066\u200B\uFEFF\u2028\u3164\U000E0041\u0378z"

// fitForAScreen fails if a line of text contains characters that no screen may show.
func fitForAScreen(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		assert.Equal(t, printable.Text(line), line)
	}
}

func TestWhoAndTopTrustNoMonitor(t *testing.T) {
	s := &stats{monitor.Snapshot{
		Sessions: []monitor.Session{
			{Short: hostile, User: hostile, Remote: hostile, Verb: hostile, Arg: hostile},
			{Short: "1", Transfer: &monitor.Transfer{Verb: hostile, Name: hostile}},
		},
		Generations: []monitor.Generation{{Sessions: []monitor.Session{{Short: "2", User: hostile, Arg: hostile}}}},
	}}
	fitForAScreen(t, s.table())
	assert.Equal(t, 9, strings.Count(s.table(), "gpj"))

	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, hostile)
	}))
	defer hs.Close()
	_, err := fetchStats(t.Context(), http.DefaultClient, strings.TrimPrefix(hs.URL, "http://"), "")
	require.ErrorContains(t, err, "418")
	fitForAScreen(t, err.Error())
}

func TestTheLogEscapesWhatIsNotMeantToBeSeen(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		for _, name := range []string{hostile, "\u3164", "\u009b", "\u202E", "\x7f"} {
			var out bytes.Buffer
			log := newLogger(&config{logFormat: format}, &out, slog.LevelInfo, func() bool { return false })
			log.Info("login", "user", name)
			log.Info("transfer", "user", "anna", "name", "/"+name)
			assert.Equal(t, 2, strings.Count(out.String(), "\n"), format)
			fitForAScreen(t, out.String())
			if format == "json" {
				var line struct{ User string }
				require.NoError(t, json.NewDecoder(&out).Decode(&line))
				assert.Equal(t, name, line.User, "a program reads the very name")
			}
		}
	}
}
