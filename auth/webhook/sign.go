package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/paradiseftp/paradise/internal/signed"
)

const (
	headerTimestamp = signed.Timestamp
	headerSignature = signed.Signature
)

// ErrSignature refuses a request that is not signed, not signed with the secret,
// or older than 5 minutes.
var ErrSignature = fmt.Errorf("webhook: %w", signed.ErrSignature)

func sign(secret []byte, timestamp string, body []byte) string {
	return signed.Sign(secret, timestamp, body)
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
	body, err := signed.Body(r, secret, now)
	if errors.Is(err, signed.ErrSignature) {
		return req, ErrSignature
	}
	if err != nil {
		return req, fmt.Errorf("webhook: %w", err)
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return Request{}, errors.New("webhook: request is not the JSON expected")
	}
	return req, nil
}
