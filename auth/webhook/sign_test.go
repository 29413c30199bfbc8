package webhook

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSignature(t *testing.T) {
	secret := []byte("s3cret")
	d := serveFunc(t, func(w http.ResponseWriter, r *http.Request) {
		req, err := ReadRequest(r, secret)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(Answer{Allow: true, Name: req.User})
	})
	d.Secret = secret
	u, err := login(d)
	require.NoError(t, err)
	assert.Equal(t, "anna", u.Name)

	wrong := &Driver{URL: d.URL, Secret: []byte("other")}
	_, err = login(wrong)
	require.ErrorIs(t, err, ErrUnavailable, "a wrong secret is a wrong configuration")
	require.ErrorContains(t, err, "status 400")
}

func TestSignatureOfAKnownRequest(t *testing.T) {
	// Computed with: printf '1700000000.{"user":"anna"}' | openssl dgst -sha256 -hmac key
	assert.Equal(t, "v1=75c52f6a65d6061488e7cee9ce4d21e1ad7401a12d3fbe05073ee51093d26f12",
		sign([]byte("key"), "1700000000", []byte(`{"user":"anna"}`)))
}

func TestReadRequestRefuses(t *testing.T) {
	now := time.Unix(1700000000, 0)
	secret := []byte("key")
	const body = `{"user":"anna"}`
	for _, c := range []struct {
		name, stamp, signature, body string
		secret                       []byte
		ok                           bool
	}{
		{"a good one", "1700000000", sign(secret, "1700000000", []byte(body)), body, secret, true},
		{"a clock that is a little off", "1699999701", sign(secret, "1699999701", []byte(body)), body, secret, true},
		{"an old one", "1699999699", sign(secret, "1699999699", []byte(body)), body, secret, false},
		{"one of the future", "1700000301", sign(secret, "1700000301", []byte(body)), body, secret, false},
		{"another body", "1700000000", sign(secret, "1700000000", []byte(body)), `{"user":"root"}`, secret, false},
		{"another time", "1700000001", sign(secret, "1700000000", []byte(body)), body, secret, false},
		{"no signature", "1700000000", "", body, secret, false},
		{"no secret", "1700000000", sign(nil, "1700000000", []byte(body)), body, nil, false},
		{"a time that is none", "now", sign(secret, "now", []byte(body)), body, secret, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set(headerTimestamp, c.stamp)
			r.Header.Set(headerSignature, c.signature)
			req, err := readRequest(r, c.secret, now)
			if c.ok {
				require.NoError(t, err)
				assert.Equal(t, "anna", req.User)
				return
			}
			require.ErrorIs(t, err, ErrSignature)
			assert.Empty(t, req)
		})
	}
}
