package webhook

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
)

const (
	headerTimestamp = "Paradise-Timestamp" // seconds since 1970
	headerSignature = "Paradise-Signature"

	maxRequest = 64 << 10
	tolerance  = 5 * time.Minute
)

// ErrSignature refuses a request that is not signed, not signed with the secret,
// or older than 5 minutes.
var ErrSignature = errors.New("webhook: signature does not match")

// sign returns the value of Paradise-Signature.
func sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	io.WriteString(mac, timestamp+".")
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// ReadRequest reads and verifies the request of a [Driver] with that secret, on
// the service's side. It compares in constant time and takes what is at most 5
// minutes away from now; a service that minds replays within them remembers the
// nonces. An empty secret verifies nothing and is refused.
func ReadRequest(r *http.Request, secret []byte) (Request, error) {
	return readRequest(r, secret, time.Now())
}

func readRequest(r *http.Request, secret []byte, now time.Time) (Request, error) {
	var req Request
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return req, fmt.Errorf("webhook: reading the request: %w", err)
	}
	if len(body) > maxRequest {
		return req, fmt.Errorf("webhook: request is longer than %d bytes", maxRequest)
	}
	stamp := r.Header.Get(headerTimestamp)
	want := sign(secret, stamp, body)
	if len(secret) == 0 || !hmac.Equal([]byte(want), []byte(r.Header.Get(headerSignature))) {
		return req, ErrSignature
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return req, ErrSignature
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return Request{}, errors.New("webhook: request is not the JSON expected")
	}
	return req, nil
}
