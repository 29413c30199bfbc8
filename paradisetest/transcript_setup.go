package paradisetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// Certificate creates a self-signed certificate for localhost, 127.0.0.1 and other
// hosts, valid for an hour.
func Certificate(tb testing.TB, hosts ...string) tls.Certificate {
	tb.Helper()
	cert, err := selfSigned(hosts)
	if err != nil {
		tb.Fatalf("paradisetest: certificate: %v", err)
	}
	return cert
}

func selfSigned(hosts []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		NotBefore:             time.Now().Add(-time.Minute),
		NotAfter:              time.Now().Add(time.Hour),
		DNSNames:              append([]string{"localhost"}, hosts...),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// stage prepares the server as the setup lines say.
func (p *player) stage(srv *paradise.Server) error {
	if srv.Files == nil {
		srv.Files = memfs.New()
	}
	p.files = srv.Files
	p.watch(&srv.Hooks)
	stage := &stageDriver{FileDriver: srv.Files, hold: closedGate, fails: make(map[string]error)}
	for _, l := range p.script.setup {
		if err := p.setup(srv, stage, l); err != nil {
			return fmt.Errorf("%s:%d: @%s %s: %w", p.script.file, l.line, l.name, l.arg, err)
		}
	}
	srv.Files = stage
	return nil
}

// watch sets a hook that notices the end of a session.
func (p *player) watch(h *paradise.Hooks) {
	former := h.Disconnect
	h.Disconnect = func(ctx context.Context, s *paradise.Session) {
		if former != nil {
			former(ctx, s)
		}
		select {
		case p.gone <- struct{}{}:
		default:
		}
	}
}

var closedGate = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (p *player) setup(srv *paradise.Server, stage *stageDriver, l setupLine) error {
	switch l.name {
	case "file", "dir": // furnish does
	case "login":
		p.script.login = "plain"
		if l.arg != "" {
			p.script.login = l.arg
		}
	case "fresh":
		p.script.fresh = true
	case "ipv6":
		p.script.ipv6 = true
	case "tls":
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{Certificate(p.tb)}}
	case "policy":
		return setAll(l.arg, func(key, value string) error { return setPolicy(&srv.Policy, key, value) })
	case "server":
		return setAll(l.arg, func(key, _ string) error { return setServer(srv, stage, key) })
	case "without":
		return stage.mask(l.arg)
	case "fail":
		return stage.fail(l.arg)
	case "hold":
		stage.hold = p.hold
	case "account":
		srv.Auth = accountAuth(l.arg)
	case "host":
		name, banner, _ := strings.Cut(l.arg, " ")
		text, err := unquote(banner)
		if srv.Hosts == nil {
			srv.Hosts = make(map[string]paradise.Host)
		}
		srv.Hosts[name] = paradise.Host{Banner: text}
		return err
	case "banner":
		text, err := unquote(l.arg)
		srv.Banner = text
		return err
	default:
		return errors.New("no such setup")
	}
	return nil
}

// setAll calls set for each word, "key" or "key=value".
func setAll(words string, set func(key, value string) error) error {
	for word := range strings.FieldsSeq(words) {
		key, value, _ := strings.Cut(word, "=")
		if err := set(key, value); err != nil {
			return err
		}
	}
	return nil
}

func setPolicy(policy *paradise.Policy, key, value string) (err error) {
	switch key {
	case "deny":
		deny, err := paradise.ParsePerm(value)
		if err != nil {
			return err
		}
		policy.Deny |= deny
	case "device":
		for name := range strings.SplitSeq(value, ",") {
			if err := setDevice(&policy.Device, name); err != nil {
				return err
			}
		}
	case "tls":
		policy.TLS, err = choose(value, map[string]paradise.TLSRule{
			"optional": paradise.TLSOptional, "login": paradise.TLSLogin, "required": paradise.TLSRequired,
		})
	case "reuse":
		policy.DataTLSReuse, err = choose(value, map[string]paradise.DataTLSReuse{
			"require": paradise.ReuseRequire, "off": paradise.ReuseOff,
		})
	case "grant":
		policy.GrantTree = true
	case "ascii":
		policy.RawASCII, policy.ASCIIDefault = value == "raw", value == "default"
	case "allo":
		policy.RequireALLO = true
	case "max":
		policy.MaxFileSize, err = strconv.ParseInt(value, 10, 64)
	case "digests":
		policy.Digests = paradise.DigestSHA256 | paradise.DigestCRC32
	default:
		err = fmt.Errorf("no such policy: %s", key)
	}
	return err
}

func choose[V any](value string, among map[string]V) (V, error) {
	v, ok := among[value]
	if !ok {
		return v, fmt.Errorf("no such value: %q", value)
	}
	return v, nil
}

func setDevice(d *paradise.DeviceProfile, name string) error {
	fields := map[string]*bool{
		"mkd-ok": &d.MkdExistingOK, "parents": &d.MakeParents, "backslash": &d.Backslash, "rename": &d.RenameUploads,
		"quiet-site": &d.QuietSite, "bare-names": &d.NLSTNamesOnly, "no-match-550": &d.NLSTNoMatch550,
		"size-in-ascii": &d.SizeInASCII, "any-peer": &d.AnyActivePeer,
	}
	field := fields[name]
	if field == nil {
		return fmt.Errorf("no such device habit: %s", name)
	}
	*field = true
	return nil
}

func setServer(srv *paradise.Server, stage *stageDriver, key string) error {
	switch key {
	case "noepsv":
		srv.Passive.NoEPSV = true
	case "noactive":
		srv.Active.Disable = true
	case "nofiles":
		stage.FileDriver = paradise.UnimplementedFileDriver{}
	case "readonly":
		stage.FileDriver = paradise.ReadOnly(stage.FileDriver)
	default:
		return fmt.Errorf("no such server: %s", key)
	}
	return nil
}

// accountAuth is the usual account, which also needs ACCT.
func accountAuth(account string) paradise.AuthDriver {
	return paradise.AuthFunc(func(ctx context.Context, s *paradise.Session, c paradise.Credentials) (*paradise.User,
		error) {
		user, err := paradise.Accounts{User: Password}.Authenticate(ctx, s, c)
		switch {
		case err != nil:
			return nil, err
		case c.Account == "":
			return nil, paradise.ErrNeedAccount
		case c.Account != account:
			return nil, paradise.ErrBadCredentials
		}
		return user, nil
	})
}

// oldTime is the time of the files of the setup. It is so long ago that LIST shows the
// year.
var oldTime = time.Date(2020, time.February, 29, 12, 34, 56, 0, time.UTC)

// furnish creates the files and folders of the setup.
func (p *player) furnish() error {
	made := map[string]bool{"/": true}
	order := []string{"/"}
	add := func(name string) bool {
		fresh := !made[name]
		made[name] = true
		if fresh {
			order = append(order, name)
		}
		return fresh
	}
	for _, l := range p.script.setup {
		if l.name != "file" && l.name != "dir" {
			continue
		}
		name, quoted := cutName(l.arg)
		for _, dir := range parents(name, l.name == "dir") {
			if !add(dir) {
				continue
			}
			if err := p.files.Mkdir(context.Background(), &paradise.Session{}, dir); err != nil {
				return err
			}
		}
		if l.name == "dir" {
			continue
		}
		data, err := unquote(quoted)
		if err == nil {
			err = putFile(p.files, name, data)
		}
		if err != nil {
			return err
		}
		add(name)
	}
	for _, name := range order {
		err := p.files.SetAttr(context.Background(), &paradise.Session{}, name,
			paradise.Attr{ModTime: oldTime, Created: oldTime})
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return nil
}

// cutName splits an argument into a name and a quoted text. The name may contain
// spaces; it is quoted too if it starts or ends with one.
func cutName(arg string) (name, rest string) {
	if quoted, err := strconv.QuotedPrefix(arg); err == nil {
		name, _ := strconv.Unquote(quoted)
		return path.Clean(name), strings.TrimPrefix(arg[len(quoted):], " ")
	}
	if i := strings.Index(arg, ` "`); i >= 0 {
		return path.Clean(arg[:i]), arg[i+1:]
	}
	if name, ok := strings.CutSuffix(arg, " -"); ok {
		return path.Clean(name), "-"
	}
	return path.Clean(arg), ""
}

// parents returns the folders above name, and name itself if it is a folder.
func parents(name string, self bool) []string {
	var dirs []string
	if !self {
		name = path.Dir(name)
	}
	for ; name != "/"; name = path.Dir(name) {
		dirs = append([]string{name}, dirs...)
	}
	return dirs
}

func putFile(d paradise.FileDriver, name, data string) error {
	ctx := context.Background()
	up, err := d.Store(ctx, &paradise.Session{}, name, paradise.StoreOptions{})
	if err != nil {
		return err
	}
	err = up.Begin(ctx, paradise.UploadInfo{Head: []byte(data), Whole: true})
	if err == nil {
		_, err = io.WriteString(up, data)
	}
	if err == nil {
		err = up.Commit(ctx)
	}
	if err != nil {
		up.Abort(ctx, err)
	}
	return err
}

// checkFile compares the storage with "name quoted", or with "name -".
func (p *player) checkFile(text string) error {
	name, want := cutName(text)
	src, err := p.files.Open(context.Background(), &paradise.Session{}, name, 0)
	if want == "-" {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("%s is there, or %w", name, err)
	}
	if err != nil {
		return err
	}
	defer src.Close()
	got, err := io.ReadAll(src)
	if err != nil {
		return err
	}
	if data, err := unquote(want); err != nil || data != string(got) {
		return fmt.Errorf("%s holds %q, want %s", name, got, want)
	}
	return nil
}
