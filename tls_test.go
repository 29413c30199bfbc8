package paradise_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
	"github.com/paradiseftp/paradise/memfs"
)

// versions are the TLS versions that the server speaks.
var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// isFull asks for the whole counts of the proofs, which take minutes.
func isFull() bool { return os.Getenv("PARADISE_FULL") != "" }

// full is many with PARADISE_FULL=1 and few without.
func full(few, many int) int {
	if isFull() {
		return many
	}
	return few
}

// issuer makes certificates. They are valid in the year 2000 too, where the time
// of testing/synctest begins.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(t testing.TB, name string) *issuer {
	t.Helper()
	i := &issuer{}
	made := i.make(t, name, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	i.cert, i.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	return i
}

// issue makes a certificate for a server of these names, or a client of that name.
func (i *issuer) issue(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	return i.make(t, names[0], &x509.Certificate{
		DNSNames:    names,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

func (i *issuer) make(t testing.TB, name string, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	template.Subject = pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Unix(0, 0), time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)
	parent, signer := i.cert, i.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (i *issuer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.cert)
	return pool
}

const tlsHost = "ftp.example.org"

var serverCertificate = sync.OnceValue(func() tls.Certificate {
	return (&issuer{}).make(nopTB{}, tlsHost, &x509.Certificate{DNSNames: []string{tlsHost}})
})

// nopTB is for certificates that outlive a test.
type nopTB struct{ testing.TB }

func (nopTB) Helper()                   {}
func (nopTB) Errorf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (nopTB) FailNow()                  {}

func serverTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{serverCertificate()}}
}

// overTLS is inMemory for a server with a certificate.
func overTLS(t *testing.T, change func(*paradise.Server), test func(w *world)) {
	t.Helper()
	config := serverTLS()
	inMemory(t, func(srv *paradise.Server) {
		srv.TLSConfig = config
		if change != nil {
			change(srv)
		}
	}, test)
}

// ftps is a client that a test drives by hand, in memory or over real sockets.
type ftps struct {
	t      testing.TB
	open   func(to netip.AddrPort) net.Conn
	server netip.AddrPort
	raw    net.Conn // the transport of the control connection
	conn   net.Conn // raw, or TLS over it
	r      *bufio.Reader
	config *tls.Config // of all its connections
}

// clientTLS keeps the tickets of one client.
func clientTLS() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // what is proved here is the server's side
		ServerName:         tlsHost,
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
}

func newFTPS(t testing.TB, server netip.AddrPort, open func(netip.AddrPort) net.Conn) *ftps {
	c := &ftps{t: t, open: open, server: server, config: clientTLS(), raw: open(server)}
	c.conn, c.r = c.raw, bufio.NewReader(c.raw)
	return c
}

// ftps connects in memory; its greeting has not been read.
func (w *world) ftps() *ftps {
	return newFTPS(w.t, serverAddr, func(to netip.AddrPort) net.Conn { return w.data(clientAddr, to) })
}

var implicitAddr = netip.MustParseAddrPort("192.0.2.1:990")

// serveImplicit serves implicit TLS beside the explicit one.
func (w *world) serveImplicit() {
	l, err := w.net.Listen(implicitAddr)
	require.NoError(w.t, err)
	go w.srv.ServeTLS(l)
	synctest.Wait()
}

func (w *world) implicit() *ftps {
	c := newFTPS(w.t, implicitAddr, func(to netip.AddrPort) net.Conn { return w.data(clientAddr, to) })
	require.NoError(w.t, c.handshake())
	c.expect(220)
	return c
}

func (c *ftps) write(text string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, text)
	require.NoError(c.t, err)
}

func (c *ftps) send(format string, args ...any) {
	c.t.Helper()
	c.write(fmt.Sprintf(format, args...) + "\r\n")
}

// expect reads one reply; its last line is returned.
func (c *ftps) expect(code int) string {
	c.t.Helper()
	want := strconv.Itoa(code)
	line, err := c.r.ReadString('\n')
	require.NoError(c.t, err, "want %d", code)
	require.Equal(c.t, want, line[:min(3, len(line))], line)
	for several := line[3] == '-'; several && !strings.HasPrefix(line, want+" "); {
		line, err = c.r.ReadString('\n')
		require.NoError(c.t, err)
	}
	return strings.TrimRight(line, "\r\n")
}

func (c *ftps) cmd(code int, format string, args ...any) string {
	c.t.Helper()
	c.send(format, args...)
	return c.expect(code)
}

// handshake makes the control connection a TLS one.
func (c *ftps) handshake() error {
	conn := tls.Client(c.raw, c.config)
	if err := conn.Handshake(); err != nil {
		return err
	}
	c.conn, c.r = conn, bufio.NewReader(conn)
	return nil
}

func (c *ftps) state() tls.ConnectionState { return c.conn.(*tls.Conn).ConnectionState() }

// greeted reads the greeting and starts TLS.
func (c *ftps) greeted() *ftps {
	c.t.Helper()
	c.expect(220)
	c.cmd(234, "AUTH TLS")
	require.NoError(c.t, c.handshake())
	return c
}

func (c *ftps) login() *ftps {
	c.t.Helper()
	c.cmd(331, "USER auser")
	c.cmd(230, "PASS secret")
	return c
}

func (c *ftps) private() *ftps {
	c.t.Helper()
	c.cmd(200, "PBSZ 0")
	c.cmd(200, "PROT P")
	return c
}

// ready is a client with private data connections.
func (c *ftps) ready() *ftps {
	c.t.Helper()
	return c.greeted().login().private()
}

func (c *ftps) epsv() netip.AddrPort {
	c.t.Helper()
	port, err := strconv.ParseUint(epsvPort.FindStringSubmatch(c.cmd(229, "EPSV"))[1], 10, 16)
	require.NoError(c.t, err)
	return netip.AddrPortFrom(c.server.Addr(), uint16(port))
}

// begin starts a transfer; the data connection's handshake has not begun.
func (c *ftps) begin(format string, args ...any) *tls.Conn {
	c.t.Helper()
	return tls.Client(c.beginClear(format, args...), c.config)
}

func (c *ftps) beginClear(format string, args ...any) net.Conn {
	c.t.Helper()
	d := c.open(c.epsv())
	c.cmd(150, format, args...)
	return d
}

// store uploads and returns the data connection's state; want is the final code.
// Like a careful client it awaits the server's close_notify.
func (c *ftps) store(want int, name, data string) tls.ConnectionState {
	c.t.Helper()
	d := c.begin("STOR %s", name)
	defer d.Close()
	if _, err := io.WriteString(d, data); err == nil {
		d.CloseWrite()
		_, err = io.Copy(io.Discard, d)
		require.True(c.t, err == nil || want != 226, "no clean end: %v", err)
	}
	c.expect(want)
	return d.ConnectionState()
}

// fetch downloads and returns the data connection's state.
func (c *ftps) fetch(want int, command, data string) tls.ConnectionState {
	c.t.Helper()
	d := c.begin("%s", command)
	defer d.Close()
	got, err := io.ReadAll(d)
	if want == 226 {
		require.NoError(c.t, err)
		require.Equal(c.t, data, string(got))
	} else {
		require.Empty(c.t, got)
	}
	c.expect(want)
	return d.ConnectionState()
}

// closed awaits the end of the control connection and returns what came before.
func (c *ftps) closed() string {
	rest, _ := io.ReadAll(c.r)
	c.raw.Close()
	return string(rest)
}

func (c *ftps) quit() {
	c.t.Helper()
	c.cmd(221, "QUIT")
	require.Empty(c.t, c.closed())
}

// realServer is a server over real sockets. When the test ends, descriptors and
// goroutines must be as many as before.
type realServer struct {
	t     testing.TB
	srv   *paradise.Server
	files *memfs.FS
	addr  netip.AddrPort
}

func realTLS(t testing.TB, change func(*paradise.Server)) *realServer {
	t.Helper()
	settled(t)
	s := &realServer{t: t, files: memfs.New()}
	s.srv = &paradise.Server{
		Auth:      paradise.Accounts{"auser": "secret"},
		Files:     s.files,
		TLSConfig: serverTLS(),
		Limits:    paradise.Limits{FailedDelay: -1, SessionsPerIP: -1, LoginsPerMin: -1},
		Logger:    slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(s.srv)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = l.Addr().(*net.TCPAddr).AddrPort()
	served := make(chan error, 1)
	go func() { served <- s.srv.Serve(l) }()
	t.Cleanup(func() {
		s.srv.Close()
		require.ErrorIs(t, <-served, paradise.ErrServerClosed)
		require.Zero(t, s.srv.Stats().Unexpected, "a reply outside the command table")
		require.Zero(t, s.srv.Stats().Panics)
	})
	return s
}

// settled fails a test that leaves descriptors or goroutines behind.
func settled(t testing.TB) {
	warm, err := net.Listen("tcp", "127.0.0.1:0") // the runtime's own descriptors
	require.NoError(t, err)
	warm.Close()
	goroutines, fds := runtime.NumGoroutine(), descriptors()
	t.Cleanup(func() {
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-time.After(time.Millisecond) {
			if runtime.NumGoroutine() <= goroutines && descriptors() <= fds {
				return
			}
		}
		t.Errorf("left behind: goroutines %d before, %d now; descriptors %d before, %d now", goroutines, runtime.NumGoroutine(), fds, descriptors())
	})
}

// descriptors counts the process's open ones; 0 where the platform does not tell.
func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// dial opens real connections from an address of the loopback.
func (s *realServer) dial(from string) func(netip.AddrPort) net.Conn {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	return func(to netip.AddrPort) net.Conn {
		conn, err := dialer.DialContext(context.Background(), "tcp", to.String())
		require.NoError(s.t, err)
		conn.SetDeadline(time.Now().Add(time.Minute))
		return conn
	}
}

func (s *realServer) ftps() *ftps { return newFTPS(s.t, s.addr, s.dial("127.0.0.1")) }

// noticeEnd is a client's transport that notices a bare end.
type noticeEnd struct {
	net.Conn
	ended bool
}

func (n *noticeEnd) Read(p []byte) (int, error) {
	k, err := n.Conn.Read(p)
	n.ended = n.ended || err != nil
	return k, err
}

func TestTransfersOverTLSEndWithCloseNotify(t *testing.T) {
	for name, version := range versions {
		for _, command := range []string{"RETR f", "LIST", "STOR new"} {
			t.Run(name+"/"+command, func(t *testing.T) {
				overTLS(t, nil, func(w *world) {
					w.files.Put("/f", []byte(strings.Repeat("data", 50_000)))
					c := w.ftps()
					c.config.MinVersion, c.config.MaxVersion = version, version
					c.ready()
					wire := &noticeEnd{Conn: c.beginClear("%s", command)}
					d := tls.Client(wire, c.config)
					require.NoError(t, d.Handshake())
					require.Equal(t, version, d.ConnectionState().Version)
					if command == "STOR new" {
						io.WriteString(d, "new")
						d.CloseWrite()
					}
					_, err := io.Copy(io.Discard, d)
					require.NoError(t, err)
					require.False(t, wire.ended, "the end came without close_notify")
					c.expect(226)
					d.Close()
					c.quit()
				})
			})
		}
	}
}

func TestADownloadWaitsUntilTheClientHasRoomForCloseNotify(t *testing.T) {
	overTLS(t, nil, func(w *world) {
		const size, buffer, room = 200 << 10, 64 << 10, 10 // close_notify has 24 bytes
		w.files.Put("/f", make([]byte, size))
		c := w.ftps().ready()
		fetch := func(stop int) (raw int) {
			wire := &pauseAt{Conn: c.beginClear("RETR f"), at: stop}
			d := tls.Client(wire, c.config)
			n, err := io.Copy(io.Discard, d)
			require.NoError(t, err)
			require.EqualValues(t, size, n)
			c.expect(226)
			d.Close()
			return wire.read
		}
		fetch(0)
		total := fetch(0)
		fetch(total - 24 - buffer + room)
		c.quit()
	})
}

// pauseAt rests for ten seconds before it reads on past a number of bytes.
type pauseAt struct {
	net.Conn
	at, read int
}

func (p *pauseAt) Read(b []byte) (int, error) {
	if p.at > 0 && p.read < p.at {
		b = b[:min(len(b), p.at-p.read)]
	} else if p.at > 0 {
		p.at = 0
		<-time.After(10 * time.Second)
	}
	n, err := p.Conn.Read(b)
	p.read += n
	return n, err
}

func TestHandshakesMustEndInTime(t *testing.T) {
	overTLS(t, nil, func(w *world) {
		w.serveImplicit()
		explicit := w.ftps()
		explicit.expect(220)
		explicit.cmd(234, "AUTH TLS")
		implicit := newFTPS(t, implicitAddr, explicit.open)
		data := w.ftps().ready()
		for name, c := range map[string]*ftps{"explicit": explicit, "implicit": implicit} {
			began := time.Now()
			require.Empty(t, c.closed(), name)
			require.LessOrEqual(t, time.Since(began), 10*time.Second, name)
		}
		require.EqualValues(t, 2, w.srv.Stats().Handshakes.Failed)

		d := data.beginClear("STOR f")
		began := time.Now()
		data.expect(522)
		require.Equal(t, 10*time.Second, time.Since(began))
		d.Close()
		w.missing("/f")
		require.EqualValues(t, 1, w.srv.Stats().DataTLS.Failed)
		data.quit()
	})
}

// fillings are clients that read nothing any more.
var fillings = map[string]func(c *ftps){
	"with all its replies": func(*ftps) {},
	"while the server writes": func(c *ftps) {
		go func() {
			for {
				if _, err := io.WriteString(c.conn, strings.Repeat("HELP\r\n", 100)); err != nil {
					return
				}
			}
		}()
	},
	"without room for one more reply": func(c *ftps) {
		const buffer, record = 64 << 10, 22
		reply := len(c.cmd(200, "NOOP")) + len("\r\n") + record
		for range buffer / reply {
			c.send("NOOP")
		}
	},
}

func TestAForcedCloseWaitsForNobody(t *testing.T) {
	ends := map[string]func(w *world){
		"Close": func(w *world) { require.NoError(w.t, w.srv.Close()) },
		"Kick":  func(w *world) { require.NoError(w.t, w.srv.Kick(w.srv.Stats().Sessions[0].ID, nil)) },
	}
	for name, end := range ends {
		for state, fill := range fillings {
			t.Run(name+"/"+state, func(t *testing.T) {
				overTLS(t, nil, func(w *world) {
					c := w.ftps().ready()
					fill(c)
					synctest.Wait()
					began := time.Now()
					end(w)
					for len(w.srv.Stats().Sessions) > 0 {
						<-time.After(time.Millisecond)
						synctest.Wait()
					}
					require.Less(t, time.Since(began), 1100*time.Millisecond)
					c.raw.Close()
				})
			})
		}
	}
}

func TestAForcedCloseDuringAHandshakeIsQuick(t *testing.T) {
	overTLS(t, nil, func(w *world) {
		c := w.ftps()
		c.expect(220)
		c.cmd(234, "AUTH TLS")
		synctest.Wait()
		began := time.Now()
		require.NoError(t, w.srv.Close())
		require.Less(t, time.Since(began), time.Second)
		require.Empty(t, c.closed())
	})
}

func TestOnlyClientsOfFTPAreServed(t *testing.T) {
	offers := map[string]struct {
		configured, offered []string
		refused             bool
	}{
		"nothing":                     {nil, nil, false},
		"ftp":                         {nil, []string{"ftp"}, false},
		"ftp among others":            {nil, []string{"http/1.1", "ftp"}, false},
		"http/1.1":                    {nil, []string{"http/1.1"}, true},
		"h2 and http/1.1":             {nil, []string{"h2", "http/1.1"}, true},
		"smtp":                        {nil, []string{"smtp"}, true},
		"http at a config for https":  {[]string{"h2", "http/1.1"}, []string{"http/1.1"}, true},
		"ftp at a config for https":   {[]string{"h2", "http/1.1"}, []string{"ftp"}, false},
		"ftp at a config with others": {[]string{"x-filezilla-ftp", "ftp"}, []string{"ftp"}, false},
	}
	for name, o := range offers {
		t.Run(name, func(t *testing.T) {
			overTLS(t, func(srv *paradise.Server) { srv.TLSConfig.NextProtos = o.configured }, func(w *world) {
				c := w.ftps()
				c.config.NextProtos = o.offered
				c.expect(220)
				c.cmd(234, "AUTH TLS")
				err := c.handshake()
				if o.refused {
					require.ErrorContains(t, err, "no application protocol")
					require.Empty(t, c.closed())
					return
				}
				require.NoError(t, err)
				if o.offered != nil {
					require.Equal(t, "ftp", c.state().NegotiatedProtocol)
				}
				c.login().private()
				c.store(226, "f", "data")
				c.quit()
			})
		})
	}
}

func TestSNIChoosesCertificateAndHost(t *testing.T) {
	issuer := newIssuer(t, "test")
	host := func(name string) paradise.Host {
		return paradise.Host{Banner: "Archive of " + name, TLSConfig: &tls.Config{Certificates: []tls.Certificate{issuer.issue(t, name)}}}
	}
	var logged []*paradise.Session
	overTLS(t, func(srv *paradise.Server) {
		srv.Hosts = map[string]paradise.Host{"a.example": host("a.example"), "b.example": host("b.example"), "plain.example": {Banner: "No certificate of its own"}}
		srv.Hooks.Login = func(_ context.Context, e paradise.LoginEvent) { logged = append(logged, e.Session) }
	}, func(w *world) {
		cases := []struct{ sni, before, certificate, host string }{
			{"a.example", "", "a.example", "a.example"},
			{"B.Example", "", "b.example", "b.example"},
			{"plain.example", "", tlsHost, "plain.example"},
			{"unknown.example", "", tlsHost, ""},
			{"", "", tlsHost, ""},
			{"", "a.example", "a.example", "a.example"},
			{"b.example", "b.example", "b.example", "b.example"},
		}
		for _, k := range cases {
			c := w.ftps()
			c.config.ServerName = k.sni
			c.expect(220)
			if k.before != "" {
				c.cmd(220, "HOST %s", k.before)
			}
			c.cmd(234, "AUTH TLS")
			require.NoError(t, c.handshake())
			require.Equal(t, k.certificate, c.state().PeerCertificates[0].Subject.CommonName, k)
			c.login().private()
			s := logged[len(logged)-1]
			require.Equal(t, k.host, s.Host, k)
			require.NotNil(t, s.TLS)
			require.Equal(t, c.state().Version, s.TLS.Version)
			d := c.store(226, "f", "data")
			require.Equal(t, k.certificate, d.PeerCertificates[0].Subject.CommonName, "of the data connection")
			c.quit()
		}
	})
}

func TestHostAndSNIMustAgree(t *testing.T) {
	issuer := newIssuer(t, "test")
	overTLS(t, func(srv *paradise.Server) {
		srv.Hosts = map[string]paradise.Host{
			"a.example":     {TLSConfig: &tls.Config{Certificates: []tls.Certificate{issuer.issue(t, "a.example")}}},
			"b.example":     {},
			"plain.example": {},
		}
	}, func(w *world) {
		c := w.ftps()
		c.config.ServerName = "b.example"
		c.expect(220)
		c.cmd(220, "HOST a.example")
		c.cmd(234, "AUTH TLS")
		require.Error(t, c.handshake())
		require.Empty(t, c.closed())

		c = w.ftps()
		c.config.ServerName = "a.example"
		c.greeted()
		c.cmd(504, "HOST b.example")
		c.cmd(220, "HOST a.example")
		c.login()
		c.cmd(220, "REIN")
		c.cmd(504, "HOST b.example")
		c.quit()

		// A client that named nobody was met with the server's own certificate.
		c = w.ftps()
		c.config.ServerName = ""
		c.greeted()
		c.cmd(504, "HOST a.example")
		c.cmd(220, "HOST plain.example")
		c.quit()
	})
}

func TestStrictSNIRefusesUnknownNames(t *testing.T) {
	configs := map[string]func(*tls.Config) *tls.Config{
		"Certificates":   func(c *tls.Config) *tls.Config { return c },
		"GetCertificate": func(c *tls.Config) *tls.Config { return &tls.Config{GetCertificate: lookUp(c, true)} },
		"without Leaf":   func(c *tls.Config) *tls.Config { return &tls.Config{GetCertificate: lookUp(c, false)} },
		"GetConfigForClient": func(c *tls.Config) *tls.Config {
			return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c, nil }}
		},
	}
	for name, make := range configs {
		t.Run(name, func(t *testing.T) {
			overTLS(t, func(srv *paradise.Server) {
				srv.TLSConfig, srv.StrictSNI = make(srv.TLSConfig), true
				srv.Hosts = map[string]paradise.Host{"virtual.example": {}}
			}, func(w *world) {
				for sni, known := range map[string]bool{tlsHost: true, "virtual.example": true, "": true, "unknown.example": false} {
					c := w.ftps()
					c.config.ServerName = sni
					c.expect(220)
					c.cmd(234, "AUTH TLS")
					err := c.handshake()
					if known {
						require.NoError(t, err, sni)
						c.login().quit()
						continue
					}
					require.ErrorContains(t, err, "unrecognized name")
					require.Empty(t, c.closed())
				}
			})
		})
	}
}

func lookUp(from *tls.Config, leaf bool) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert := from.Certificates[0]
	if !leaf {
		cert.Leaf = nil
	}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }
}

func TestACertificateMayChangeDuringATransfer(t *testing.T) {
	issuer := newIssuer(t, "test")
	certs := []tls.Certificate{issuer.issue(t, "old.example"), issuer.issue(t, "new.example")}
	current := &certs[0]
	overTLS(t, func(srv *paradise.Server) {
		srv.TLSConfig = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current, nil }}
	}, func(w *world) {
		c := w.ftps().ready()
		require.Equal(t, "old.example", c.state().PeerCertificates[0].Subject.CommonName)
		d := c.begin("STOR f")
		io.WriteString(d, "half ")
		synctest.Wait()
		current = &certs[1]
		renewed := w.ftps().ready()
		require.Equal(t, "new.example", renewed.state().PeerCertificates[0].Subject.CommonName)
		renewed.store(226, "g", "data")
		renewed.quit()
		io.WriteString(d, "and half")
		d.Close()
		c.expect(226)
		require.Equal(t, "half and half", w.content("/f"))
		c.config.ClientSessionCache = nil
		state := c.store(226, "h", "data")
		require.Equal(t, "new.example", state.PeerCertificates[0].Subject.CommonName)
		c.quit()
	})
}

func TestOldVersionsAreRefusedUnlessAskedFor(t *testing.T) {
	for _, old := range []bool{false, true} {
		overTLS(t, func(srv *paradise.Server) {
			if old {
				srv.TLSConfig.MinVersion = tls.VersionTLS10
			}
		}, func(w *world) {
			c := w.ftps()
			c.config.MinVersion, c.config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			c.expect(220)
			c.cmd(234, "AUTH TLS")
			err := c.handshake()
			if !old {
				require.ErrorContains(t, err, "protocol version")
				require.Empty(t, c.closed())
				return
			}
			require.NoError(t, err)
			c.login().private().store(226, "f", "data")
			c.quit()
		})
	}
}

func TestOpenSSLSeesProtocolCertificateAndALPN(t *testing.T) {
	needs.Program(t, "openssl", "openssl")
	s := realTLS(t, nil)
	for option, protocol := range map[string]string{"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"} {
		cmd := exec.Command("openssl", "s_client", "-starttls", "ftp", "-connect", s.addr.String(), "-servername", tlsHost, "-alpn", "ftp", "-crlf", option)
		cmd.Stdin = strings.NewReader("QUIT\n")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		text := string(out)
		require.Contains(t, text, protocol)
		require.Contains(t, text, "CN = "+tlsHost)
		require.Contains(t, text, "ALPN protocol: ftp")
	}
}

// BenchmarkTLSLogin has both ends in the process: compare figures of one run only.
func BenchmarkTLSLogin(b *testing.B) {
	s := realTLS(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		c := s.ftps().greeted().login()
		c.quit()
	}
}

func BenchmarkTLSCycle1KiB(b *testing.B) {
	for name, resumed := range map[string]bool{"resumed": true, "full": false} {
		b.Run(name, func(b *testing.B) {
			s := realTLS(b, nil)
			s.files.Put("/f", make([]byte, 1024))
			c := s.ftps()
			if !resumed {
				c.config.ClientSessionCache = nil
			}
			c.ready()
			data := string(make([]byte, 1024))
			b.ReportAllocs()
			for b.Loop() {
				c.store(226, "f", data)
				c.fetch(226, "RETR f", data)
			}
			c.quit()
		})
	}
}

// BenchmarkTLSSession measures what an idle session over TLS holds in memory, the
// client's side included.
func BenchmarkTLSSession(b *testing.B) {
	s := realTLS(b, nil)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := heap()
	var all []*ftps
	for b.Loop() {
		all = append(all, s.ftps().ready())
	}
	b.ReportMetric(float64(heap()-before)/float64(len(all)), "B/session")
	for _, c := range all {
		c.raw.Close()
	}
}
