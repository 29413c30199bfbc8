// Package webhook lets an HTTP service of yours decide who may log in.
//
// Each login is one POST of a JSON [Request] to [Driver].URL; the service
// replies with a JSON [Answer]. README.md in this folder is the contract for
// whoever writes the service, in any language; [ReadRequest] helps in Go.
//
//	srv.Auth = &webhook.Driver{URL: "https://login.example.com/ftp", Secret: secret}
//
// A service that does not answer well is an outage, which is not about the
// login: the client gets 421 and may come again, and nobody is let in.
package webhook
