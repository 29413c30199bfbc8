package deliver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/paradiseftp/paradise/internal/signed"
	"github.com/paradiseftp/paradise/journal"
)

const (
	headerID        = "Paradise-Id"
	headerTimestamp = signed.Timestamp
	headerSignature = signed.Signature

	maxBody   = signed.MaxBody
	tolerance = signed.Tolerance
)

// ErrSignature refuses a request that is not signed, not with the secret, or more
// than 5 minutes ago.
var ErrSignature = fmt.Errorf("deliver: %w", signed.ErrSignature)

func sign(secret []byte, timestamp string, body []byte) string {
	return signed.Sign(secret, timestamp, body)
}

// Read verifies a request of a [Sink] with that secret and returns its record, on
// the service's side. It compares in constant time. An empty secret verifies nothing
// and is refused.
func Read(r *http.Request, secret []byte) (journal.Record, error) {
	return read(r, secret, time.Now())
}

func read(r *http.Request, secret []byte, now time.Time) (journal.Record, error) {
	body, err := signed.Body(r, secret, now)
	if errors.Is(err, signed.ErrSignature) {
		return journal.Record{}, ErrSignature
	}
	if err != nil {
		return journal.Record{}, fmt.Errorf("deliver: %w", err)
	}
	var rec journal.Record
	if err := json.Unmarshal(body, &rec); err != nil {
		return journal.Record{}, errors.New("deliver: request is not the JSON expected")
	}
	if rec.RawName != nil {
		rec.Name = string(rec.RawName)
	}
	return rec, nil
}
