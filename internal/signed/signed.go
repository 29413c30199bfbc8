// Package signed signs and verifies the requests that paradise sends to services
// of others: Paradise-Signature is "v1=" and, in hex, the HMAC-SHA256 of the
// timestamp, a dot and the body.
package signed

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Headers of a signed request. The timestamp is in seconds since 1970.
const (
	Timestamp = "Paradise-Timestamp"
	Signature = "Paradise-Signature"
)

// MaxBody bounds what a receiver reads, in bytes; Tolerance how far a timestamp
// may be from its clock.
const (
	MaxBody   = 64 << 10
	Tolerance = 5 * time.Minute
)

// ErrSignature refuses a request that is not signed, not with the secret, or too
// old.
var ErrSignature = errors.New("signature does not match")

// shortestFIPS is the length in bytes that FIPS 140 wants of a key; crypto/hmac
// panics for shorter ones where it is enforced.
const shortestFIPS = 14

// CheckSecret refuses a secret that this process may not sign with. None at all
// is right: nothing is signed then.
func CheckSecret(secret []byte) error {
	if n := len(secret); n > 0 && n < shortestFIPS && fips140.Enforced() {
		return fmt.Errorf("the secret has %d bytes, and FIPS 140 wants %d at least: take a longer one", n, shortestFIPS)
	}
	return nil
}

// Sign returns the value of the Signature header.
func Sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	io.WriteString(mac, timestamp+".")
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Body reads a request and returns its body once it is verified, in constant
// time. An empty secret verifies nothing and is refused.
func Body(r *http.Request, secret []byte, now time.Time) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	if len(body) > MaxBody {
		return nil, fmt.Errorf("request is longer than %d bytes", MaxBody)
	}
	if err := CheckSecret(secret); err != nil {
		return nil, err
	}
	stamp := r.Header.Get(Timestamp)
	if len(secret) == 0 || !hmac.Equal([]byte(Sign(secret, stamp, body)), []byte(r.Header.Get(Signature))) {
		return nil, ErrSignature
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return nil, ErrSignature
	}
	return body, nil
}
