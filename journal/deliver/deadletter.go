package deliver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/paradiseftp/paradise/journal"
)

// maxAnswer is how much of a refusal's text is kept, in bytes.
const maxAnswer = 1 << 10

// DeadLetter is a line of [Options.DeadLetters]: a record that was put aside, and
// why. A process that dies at that moment may leave it there twice; the ID tells.
type DeadLetter struct {
	Time   time.Time      `json:"time"`             // when it was put aside
	Tries  int            `json:"tries"`            // how often it was sent, or refused over restarts
	Error  string         `json:"error"`            // of the last try, as in the log
	Answer string         `json:"answer,omitempty"` // the begin of what the service said then
	Record journal.Record `json:"record"`
}

// statusError is an answer other than 2xx.
type statusError struct {
	status int
	answer string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d", e.status) }

// recordError is a record of which no request can be made.
type recordError struct{ error }

// aboutRecord tells a refusal of the record itself from an outage: from what ends
// when the service, the way to it or its configuration is put right.
func aboutRecord(err error) bool {
	if _, ok := errors.AsType[recordError](err); ok {
		return true
	}
	e, ok := errors.AsType[*statusError](err)
	if !ok || e.status < 400 || e.status > 499 {
		return false
	}
	switch e.status {
	case http.StatusUnauthorized, http.StatusForbidden, // who we are
		http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusMisdirectedRequest, // where we ask
		http.StatusProxyAuthRequired, http.StatusUpgradeRequired, // how we come
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests: // when
		return false
	}
	return true
}

func answerOf(err error) string {
	e, ok := errors.AsType[*statusError](err)
	if !ok {
		return ""
	}
	return strings.ToValidUTF8(e.answer, "?")
}

// printable reports whether s can be the value of a header.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// putAway brings a record to the file of dead letters, on the disk. With an error it
// must be kept: it is nowhere else.
func (s *Sink) putAway(d DeadLetter) error {
	line, err := json.Marshal(d)
	if err != nil { // of its record is told what can be
		r := &d.Record
		d.Record = journal.Record{ID: r.ID, Event: r.Event, User: r.User, Name: r.Name, RawName: r.RawName, Size: r.Size, SHA256: r.SHA256}
		line, err = json.Marshal(d)
	}
	if err == nil {
		err = appendLine(s.o.DeadLetters, line)
	}
	if err == nil {
		s.putAside.Add(1)
	}
	return err
}

// appendLine brings a line to the disk.
func appendLine(name string, line []byte) error {
	_, missing := os.Stat(name)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := endTorn(f); err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := f.Sync(); err != nil || missing == nil || runtime.GOOS == "windows" {
		return err
	}
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// endTorn ends a line that a crash or a full disk has cut.
func endTorn(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, size-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.Write([]byte{'\n'})
	return err
}
