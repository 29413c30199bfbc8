package webhook

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/paradiseftp/paradise"
)

// Request is the JSON that the service receives. Printing or logging it hides the
// secrets.
type Request struct {
	User        string    `json:"user"`
	Password    string    `json:"password"`
	HasPassword bool      `json:"hasPassword"` // false: the client has not sent a password yet (AskAtUser)
	Account     string    `json:"account"`     // from ACCT; empty: none was given
	Address     string    `json:"address"`     // the client's IP address
	Server      string    `json:"server"`      // the address and port to which the client connected
	Host        string    `json:"host"`        // from HOST or SNI; empty: none was named
	Session     uint64    `json:"session"`     // as in the server's log
	Time        time.Time `json:"time"`
	Nonce       string    `json:"nonce"` // different in each request
	TLS         *TLS      `json:"tls"`   // null: the connection is in the clear
}

// TLS describes the control connection.
type TLS struct {
	Version           string       `json:"version"`    // "TLS 1.3"
	ServerName        string       `json:"serverName"` // SNI
	ClientCertificate *Certificate `json:"clientCertificate"`
}

// Certificate is the client's TLS certificate. Trust it only if Verified is true.
type Certificate struct {
	Subject  string `json:"subject"`
	SHA256   string `json:"sha256"`   // of the certificate, in hex
	Verified bool   `json:"verified"` // against the server's client CAs
}

// String returns only the user's name.
func (r Request) String() string { return "user " + r.User }

// GoString returns the same as String.
func (r Request) GoString() string { return r.String() }

// LogValue returns only the user's name.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.User) }

func newRequest(s *paradise.Session, c paradise.Credentials, now time.Time) Request {
	return Request{
		User:        c.User,
		Password:    c.Password,
		HasPassword: c.HasPassword,
		Account:     c.Account,
		Address:     addressOf(s),
		Server:      serverOf(s),
		Host:        s.Host,
		Session:     s.ID,
		Time:        now.UTC(),
		Nonce:       rand.Text(),
		TLS:         tlsOf(s.TLS),
	}
}

func addressOf(s *paradise.Session) string {
	if !s.Remote.IsValid() {
		return ""
	}
	return s.Remote.Addr().Unmap().String()
}

func serverOf(s *paradise.Session) string {
	if !s.Local.IsValid() {
		return ""
	}
	return s.Local.String()
}

func tlsOf(cs *tls.ConnectionState) *TLS {
	if cs == nil {
		return nil
	}
	t := &TLS{Version: tls.VersionName(cs.Version), ServerName: cs.ServerName}
	if len(cs.PeerCertificates) > 0 {
		cert := cs.PeerCertificates[0]
		sum := sha256.Sum256(cert.Raw)
		t.ClientCertificate = &Certificate{
			Subject:  cert.Subject.String(),
			SHA256:   hex.EncodeToString(sum[:]),
			Verified: len(cs.VerifiedChains) > 0,
		}
	}
	return t
}

// Answer is the decision of the service. Unknown JSON fields are ignored.
type Answer struct {
	// Allow logs the user in.
	Allow bool `json:"allow"`

	// Need asks the client for more: "password" or "account". It takes precedence
	// over Allow.
	Need string `json:"need,omitempty"`

	// Name is shown and logged. Empty: the name the client gave.
	Name string `json:"name,omitempty"`

	// Home is the absolute path of the folder in which the user starts. Empty: "/".
	Home string `json:"home,omitempty"`

	// Deny takes permissions away, besides those that the server's policy does:
	// see [paradise.ParsePerm] for the names.
	Deny []string `json:"deny,omitempty"`

	// These bound the user. Zero: the server's policy applies; negative: no bound.
	MaxFileSize  int64 `json:"maxFileSize,omitempty"`  // bytes
	UploadRate   int64 `json:"uploadRate,omitempty"`   // bytes per second
	DownloadRate int64 `json:"downloadRate,omitempty"` // bytes per second
	MaxSessions  int   `json:"maxSessions,omitempty"`

	// TLS says where encryption is needed: "optional", "login" or "required". Empty:
	// the server's policy applies.
	TLS string `json:"tls,omitempty"`

	// Value is for Driver.Complete.
	Value json.RawMessage `json:"value,omitempty"`
}

// parseAnswer reads a verdict. An answer without a verdict does not count as a refusal,
// because the service is broken.
func parseAnswer(body []byte) (Answer, error) {
	var wire struct {
		Answer
		Allow *bool `json:"allow"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return Answer{}, errors.New("answer is not the JSON expected") // err is left out: it may quote the answer
	}
	switch {
	case wire.Need == "password":
		return Answer{}, paradise.ErrNeedPassword
	case wire.Need == "account":
		return Answer{}, paradise.ErrNeedAccount
	case wire.Need != "":
		return Answer{}, errors.New(`answer needs something other than "password" or "account"`)
	case wire.Allow == nil:
		return Answer{}, errors.New("answer has no verdict")
	case !*wire.Allow:
		return Answer{}, paradise.ErrBadCredentials
	}
	wire.Answer.Allow = true
	return wire.Answer, wire.Answer.check()
}
