// Package webhook lets your HTTP service decide who may log in.
//
// Each login is one POST of a JSON [Request] to [Driver].URL; the service replies with
// a JSON [Answer]. README.md in this folder is the contract for the author of such a
// service, in any language; [ReadRequest] helps in Go.
//
//	srv.Auth = &webhook.Driver{URL: "https://login.example.com/ftp", Secret: secret}
//
// If the service does not give a verdict, nobody is logged in. In most such cases the
// client gets 421, may try again, and the attempt does not count as a failed login; the
// table in README.md has all cases.
package webhook
