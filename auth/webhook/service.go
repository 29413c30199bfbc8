package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paradiseftp/paradise"
)

// maxAnswer bounds the body of an answer, in bytes.
const maxAnswer = 64 << 10

var (
	errSlow   = errors.New("no answer in time")
	errPaused = errors.New("not asked")
	errBadURL = errors.New("webhook: URL is not a URL") // url.Parse's error would show the URL, which may hold a secret
)

// checkURL refuses URLs that would send passwords over the network in the clear.
func checkURL(raw string, insecure bool) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errBadURL
	}
	switch {
	case u.Hostname() == "":
		return errors.New("webhook: URL names no host")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return errors.New("webhook: URL must be https")
	case !insecure && !isLoopback(u.Hostname()):
		return errors.New("webhook: URL must be https: passwords would cross the network in the clear")
	}
	return nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// service is a client of the web service.
type service struct {
	url    string
	host   string // for error texts, because the rest of the URL may hold a token
	secret []byte
	client *http.Client
}

func newService(u *url.URL, secret []byte, c *http.Client, connections int) *service {
	client := http.Client{}
	if c != nil {
		client = *c
	} else {
		client.Transport = transport(connections)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &service{url: u.String(), host: u.Host, secret: bytes.Clone(secret), client: &client}
}

func transport(connections int) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: maxAnswer,
		DisableCompression:     true,
	}
}

// ask posts r and reads the verdict: an answer that accepts the user, one of paradise's
// login errors, or another error, which endingOf classifies.
func (s *service) ask(ctx context.Context, r Request) (Answer, error) {
	a, err := s.post(ctx, r)
	if cause := context.Cause(ctx); cause != nil && endingOf(ctx, err) > senseless {
		err = cause // it says more than the transport's error
	}
	return a, err
}

func (s *service) post(ctx context.Context, r Request) (Answer, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Answer{}, errors.New("request cannot be encoded")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return Answer{}, errBadURL
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "paradise")
	if len(s.secret) > 0 {
		stamp := strconv.FormatInt(r.Time.Unix(), 10)
		req.Header.Set(headerTimestamp, stamp)
		req.Header.Set(headerSignature, sign(s.secret, stamp, body))
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	defer resp.Body.Close()
	return read(resp)
}

func read(resp *http.Response) (Answer, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return Answer{}, paradise.ErrBadCredentials // the body does not matter
	case resp.StatusCode != http.StatusOK:
		return Answer{}, statusError(resp.StatusCode)
	case err != nil:
		return Answer{}, withoutURL(err)
	case len(body) > maxAnswer:
		return Answer{}, senselessError{fmt.Errorf("answer is longer than %d bytes", maxAnswer)}
	}
	a, err := parseAnswer(body)
	if err != nil && !isVerdict(err) {
		err = senselessError{err}
	}
	return a, err
}

// withoutURL returns err without the URL, which may hold a secret.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}
