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

// ErrSignature means that a request has no signature, a signature with another secret,
// or a timestamp more than 5 minutes away from now.
var ErrSignature = fmt.Errorf("webhook: %w", signed.ErrSignature)

func sign(secret []byte, timestamp string, body []byte) string {
	return signed.Sign(secret, timestamp, body)
}

// ReadRequest reads and verifies a [Driver]'s request, on the side of the service, with
// their shared secret. It compares in constant time and accepts timestamps that are at
// most 5 minutes away from now. A service that must prevent replays within that time
// has to remember the nonces. An empty secret is an error, because it verifies nothing.
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
