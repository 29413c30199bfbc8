// Package signed signs and verifies the requests that paradise sends to web services:
// Paradise-Signature is "v1=" followed by the HMAC-SHA256, in hex, of the timestamp, a
// dot and the body.
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

// These are the headers of a signed request. The timestamp is in seconds since 1970.
const (
	Timestamp = "Paradise-Timestamp"
	Signature = "Paradise-Signature"
)

// MaxBody bounds the body that a receiver reads, in bytes. Tolerance bounds how far a
// timestamp may be from the receiver's clock.
const (
	MaxBody   = 64 << 10
	Tolerance = 5 * time.Minute
)

// ErrSignature means that a request has no signature, a signature with another secret, or
// a timestamp that is too far from now.
var ErrSignature = errors.New("signature does not match")

// shortestFIPS is the shortest key, in bytes, that FIPS 140 allows. If FIPS 140 is
// enforced, crypto/hmac panics for a shorter one.
const shortestFIPS = 14

// CheckSecret returns an error if this process must not sign with secret. An empty secret
// is allowed: then nothing is signed.
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

// Body reads a request, verifies its signature in constant time and returns its body. An
// empty secret is an error, because it verifies nothing.
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
