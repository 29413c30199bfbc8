package webhook_test

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/auth/webhook"
)

// A service of ten lines and the driver that asks it.
func Example() {
	secret := []byte("shared with the FTP server")

	login := func(w http.ResponseWriter, r *http.Request) {
		req, err := webhook.ReadRequest(r, secret)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ok := req.User == "anna" && subtle.ConstantTimeCompare([]byte(req.Password), []byte("correct horse")) == 1
		json.NewEncoder(w).Encode(webhook.Answer{Allow: ok, Home: "/anna", Deny: []string{"delete"}})
	}

	ts := httptest.NewServer(http.HandlerFunc(login))
	defer ts.Close()
	auth := &webhook.Driver{URL: ts.URL, Secret: secret} // goes into Server.Auth

	for _, password := range []string{"correct horse", "battery staple"} {
		u, err := auth.Authenticate(context.Background(),
			&paradise.Session{Remote: netip.MustParseAddrPort("192.0.2.7:50000")},
			paradise.Credentials{User: "anna", Password: password, HasPassword: true})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(u.Home, u.Policy.Deny == paradise.PermDelete)
	}
	// Output:
	// /anna true
	// paradise: bad credentials
}
