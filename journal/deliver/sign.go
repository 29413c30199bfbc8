package deliver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/paradiseftp/paradise/journal"
)

const (
	headerID        = "Paradise-Id"
	headerTimestamp = "Paradise-Timestamp" // seconds since 1970
	headerSignature = "Paradise-Signature"

	maxBody   = 64 << 10
	tolerance = 5 * time.Minute
)

// ErrSignature refuses a request that is not signed, not with the secret, or more
// than 5 minutes ago.
var ErrSignature = errors.New("deliver: signature does not match")

// sign returns "v1=" and, in hex, HMAC-SHA256 of the timestamp, a dot and the body.
func sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	io.WriteString(mac, timestamp+".")
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Read verifies a request of a [Sink] with that secret and returns its record, on
// the service's side. It compares in constant time. An empty secret verifies nothing
// and is refused.
func Read(r *http.Request, secret []byte) (journal.Record, error) {
	return read(r, secret, time.Now())
}

func read(r *http.Request, secret []byte, now time.Time) (journal.Record, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return journal.Record{}, fmt.Errorf("deliver: reading the request: %w", err)
	}
	if len(body) > maxBody {
		return journal.Record{}, fmt.Errorf("deliver: request is longer than %d bytes", maxBody)
	}
	stamp := r.Header.Get(headerTimestamp)
	want := sign(secret, stamp, body)
	if len(secret) == 0 || !hmac.Equal([]byte(want), []byte(r.Header.Get(headerSignature))) {
		return journal.Record{}, ErrSignature
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return journal.Record{}, ErrSignature
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
