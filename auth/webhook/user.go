package webhook

import (
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/paradiseftp/paradise"
)

const maxName = 255

var tlsRules = map[string]paradise.TLSRule{
	"optional": paradise.TLSOptional,
	"login":    paradise.TLSLogin,
	"required": paradise.TLSRequired,
}

// check returns an error if the driver cannot follow the answer. Such an answer logs
// nobody in, because half of a restriction is none.
func (a *Answer) check() error {
	_, err := a.user(paradise.Policy{})
	return err
}

// user turns an answer into a user. Fields that the answer does not set are taken from
// policy.
func (a *Answer) user(policy paradise.Policy) (*paradise.User, error) {
	if len(a.Name) > maxName || strings.ContainsFunc(a.Name, unicode.IsControl) {
		return nil, fmt.Errorf("answer's name is too long or has control characters")
	}
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	for _, name := range a.Deny {
		p, err := paradise.ParsePerm(name)
		if err != nil {
			return nil, err
		}
		policy.Deny |= p
	}
	if a.TLS != "" {
		rule, ok := tlsRules[a.TLS]
		if !ok {
			return nil, fmt.Errorf("answer's tls is not optional, login or required")
		}
		policy.TLS = rule
	}
	bound(&policy.MaxFileSize, a.MaxFileSize)
	bound(&policy.UploadRate, a.UploadRate)
	bound(&policy.DownloadRate, a.DownloadRate)
	bound(&policy.MaxSessions, a.MaxSessions)
	return &paradise.User{Name: a.Name, Home: home, Policy: &policy, Value: a}, nil
}

func (a *Answer) home() (string, error) {
	if a.Home == "" {
		return "", nil
	}
	if !path.IsAbs(a.Home) || strings.ContainsFunc(a.Home, unicode.IsControl) {
		return "", fmt.Errorf("answer's home is not absolute or has control characters")
	}
	return path.Clean(a.Home), nil
}

// bound sets a bound of the policy, where zero means no bound, from that of an answer,
// where zero means not set.
func bound[T int | int64](of *T, to T) {
	if to != 0 {
		*of = max(to, 0)
	}
}
