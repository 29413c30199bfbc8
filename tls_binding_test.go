package paradise_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// ticketCounter is a session cache that counts what a client is given.
type ticketCounter struct {
	tls.ClientSessionCache
	got int
}

func (c *ticketCounter) Put(key string, s *tls.ClientSessionState) {
	if s != nil {
		c.got++
	}
	c.ClientSessionCache.Put(key, s)
}

func countTickets(config *tls.Config) *ticketCounter {
	c := &ticketCounter{ClientSessionCache: config.ClientSessionCache}
	config.ClientSessionCache = c
	return c
}

// reusing is a server that holds data connections to a rule.
func reusing(rule paradise.DataTLSReuse) func(*paradise.Server) {
	return func(srv *paradise.Server) { srv.Policy.DataTLSReuse = rule }
}

var reuseRules = map[string]paradise.DataTLSReuse{"prefer": paradise.ReusePrefer, "require": paradise.ReuseRequire, "off": paradise.ReuseOff}

func TestDataConnectionsResumeTheirOwnSession(t *testing.T) {
	for rule, reuse := range reuseRules {
		for name, version := range versions {
			t.Run(rule+"/"+name, func(t *testing.T) {
				overTLS(t, reusing(reuse), func(w *world) {
					w.files.Put("/f", []byte("content"))
					c := w.ftps()
					c.config.MinVersion, c.config.MaxVersion = version, version
					c.ready()
					resumed := reuse != paradise.ReuseOff
					require.Equal(t, resumed, c.store(226, "g", "data").DidResume, "STOR")
					require.Equal(t, resumed, c.fetch(226, "RETR f", "content").DidResume, "RETR")
					require.Equal(t, resumed, c.fetch(226, "NLST", "f\r\ng\r\n").DidResume, "NLST")
					c.quit()
				})
			})
		}
	}
}

func TestATicketOfADataConnectionBelongsToTheSession(t *testing.T) {
	for name, version := range versions {
		for _, reuse := range []paradise.DataTLSReuse{paradise.ReusePrefer, paradise.ReuseRequire} {
			t.Run(fmt.Sprint(name, reuse), func(t *testing.T) {
				overTLS(t, reusing(reuse), func(w *world) {
					w.files.Put("/f", []byte("content"))
					c := w.ftps()
					c.config.MinVersion, c.config.MaxVersion = version, version
					c.ready()
					// Only what this data connection brings is kept from here on.
					fresh := &switchCache{old: c.config.ClientSessionCache, now: tls.NewLRUClientSessionCache(0)}
					c.config.ClientSessionCache = fresh
					require.True(t, c.fetch(226, "RETR f", "content").DidResume)
					c.config.ClientSessionCache = fresh.now
					require.True(t, c.store(226, "g", "data").DidResume)
					c.quit()
				})
			})
		}
	}
}

// switchCache reads from one cache and writes to another.
type switchCache struct{ old, now tls.ClientSessionCache }

func (s *switchCache) Get(key string) (*tls.ClientSessionState, bool) { return s.old.Get(key) }
func (s *switchCache) Put(key string, cs *tls.ClientSessionState)     { s.now.Put(key, cs) }

// withTicketOf gives a client's data connections the tickets of another.
func withTicketOf(c, other *ftps) { c.config.ClientSessionCache = other.config.ClientSessionCache }

func TestWhoHasNoTicketOfTheSession(t *testing.T) {
	whose := map[string]func(c, other *ftps){
		"another session's": withTicketOf,
		"none":              func(c, _ *ftps) { c.config.ClientSessionCache = nil },
		"forged":            func(c, other *ftps) { c.config.ClientSessionCache = forgeries{other.config.ClientSessionCache} },
	}
	for rule, reuse := range reuseRules {
		for name, version := range versions {
			for ticket, take := range whose {
				t.Run(rule+"/"+name+"/"+ticket, func(t *testing.T) {
					overTLS(t, reusing(reuse), func(w *world) {
						w.files.Put("/f", []byte("old"))
						clients := []*ftps{w.ftps(), w.ftps()}
						for _, c := range clients {
							c.config.MinVersion, c.config.MaxVersion = version, version
							c.ready()
						}
						c, other := clients[0], clients[1]
						take(c, other)
						code, content := 226, "new"
						if reuse == paradise.ReuseRequire {
							code, content = 522, "old"
						}
						require.False(t, c.store(code, "f", "new").DidResume)
						require.Equal(t, content, w.content("/f"))
						require.False(t, c.fetch(code, "RETR f", content).DidResume)
						c.store(code, "absent", "new")
						if reuse == paradise.ReuseRequire {
							w.missing("/absent")
						}
						c.quit()
						other.quit()
					})
				})
			}
		}
	}
}

// forgeries hands out tickets with one bit turned over.
type forgeries struct{ tls.ClientSessionCache }

func (f forgeries) Get(key string) (*tls.ClientSessionState, bool) {
	session, ok := f.ClientSessionCache.Get(key)
	if !ok || session == nil {
		return nil, false
	}
	ticket, state, err := session.ResumptionState()
	if err != nil {
		return nil, false
	}
	ticket = append([]byte(nil), ticket...)
	ticket[len(ticket)/2] ^= 1
	session, err = tls.NewResumptionState(ticket, state)
	return session, err == nil
}

// He is refused, but his handshake was done and a ticket came with it.
func TestTheTicketOfARefusedDataConnectionOpensNothing(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			overTLS(t, reusing(paradise.ReuseRequire), func(w *world) {
				w.files.Put("/f", []byte("old"))
				c := w.ftps()
				c.config.MinVersion, c.config.MaxVersion = version, version
				c.ready()
				c.config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
				tickets := countTickets(c.config)
				for range 3 {
					require.False(t, c.fetch(522, "RETR f", "old").DidResume)
					require.False(t, c.store(522, "f", "new").DidResume)
				}
				require.NotZero(t, tickets.got, "else this proves nothing")
				require.Equal(t, "old", w.content("/f"))
				c.quit()
			})
		})
	}
}

// A control session that is resumed spares a signature and inherits nothing:
// the ticket it came with does not open its data connections, its own does.
func TestAResumedControlSessionHasATagOfItsOwn(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			overTLS(t, reusing(paradise.ReuseRequire), func(w *world) {
				first, second := w.ftps(), w.ftps()
				first.config.MinVersion, first.config.MaxVersion = version, version
				first.ready()
				inherited := first.config.ClientSessionCache
				own := &switchCache{old: inherited, now: tls.NewLRUClientSessionCache(0)}
				second.config.MinVersion, second.config.MaxVersion = version, version
				second.config.ClientSessionCache = own
				second.ready()
				require.True(t, second.state().DidResume)
				second.config.ClientSessionCache = inherited
				require.False(t, second.store(522, "f", "stolen").DidResume)
				first.config.ClientSessionCache = &switchCache{old: own.now, now: tls.NewLRUClientSessionCache(0)}
				require.False(t, first.store(522, "f", "stolen").DidResume, "its ticket at its ancestor's data port")
				w.missing("/f")
				second.config.ClientSessionCache = own.now
				require.True(t, second.store(226, "f", "mine").DidResume)
				first.quit()
				second.quit()
			})
		})
	}
}

// oneKey is a session cache that offers its last ticket to everyone.
type oneKey struct{ tls.ClientSessionCache }

func (c oneKey) Get(string) (*tls.ClientSessionState, bool)    { return c.ClientSessionCache.Get("") }
func (c oneKey) Put(_ string, session *tls.ClientSessionState) { c.ClientSessionCache.Put("", session) }

// Where resuming would spare a client its certificate, or bring it from one
// host to another, the whole handshake takes place.
func TestControlSessionsThatAreNotResumed(t *testing.T) {
	issuer := newIssuer(t, "our clients")
	cases := map[string]struct {
		change func(*paradise.Server)
		then   func(config *tls.Config) // of the second connection
	}{
		"a client that showed a certificate": {
			asking(issuer, tls.VerifyClientCertIfGiven, certificateLogin(false)),
			func(config *tls.Config) { config.Certificates = nil },
		},
		"a configuration chosen per client": {
			func(srv *paradise.Server) {
				config := srv.TLSConfig
				srv.TLSConfig = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }}
			},
			func(*tls.Config) {},
		},
		"another host": {
			func(srv *paradise.Server) {
				srv.Hosts = map[string]paradise.Host{"b.example": {TLSConfig: serverTLS()}}
			},
			func(config *tls.Config) { config.ServerName = "b.example" },
		},
	}
	for name, k := range cases {
		for version, number := range versions {
			t.Run(name+"/"+version, func(t *testing.T) {
				overTLS(t, k.change, func(w *world) {
					first := w.ftps()
					first.config.MinVersion, first.config.MaxVersion = number, number
					first.config.ClientSessionCache = oneKey{first.config.ClientSessionCache}
					first.config.Certificates = []tls.Certificate{issuer.issue(t, "auser")}
					first.greeted()
					first.cmd(220, "REIN")
					second := w.ftps()
					second.config = first.config.Clone()
					k.then(second.config)
					second.greeted()
					require.False(t, second.state().DidResume)
					second.cmd(331, "USER auser")
					first.quit()
					second.quit()
				})
			})
		}
	}
}

func TestTicketsAreNeverIssuedWhereReuseIsOff(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			overTLS(t, reusing(paradise.ReuseOff), func(w *world) {
				w.files.Put("/f", []byte("content"))
				c := w.ftps()
				c.config.MinVersion, c.config.MaxVersion = version, version
				tickets := countTickets(c.config)
				c.ready()
				c.store(226, "g", "data")
				c.fetch(226, "RETR f", "content")
				c.quit()
				require.Zero(t, tickets.got)
			})
		})
	}
}

// An unread ticket costs a TLS 1.3 client that only writes its upload; the
// suppression relies on what crypto/tls does not promise: it looks at
// SessionTicketsDisabled again after GetConfigForClient and UnwrapSession, and
// ClientHelloInfo.Extensions lists pre_shared_key (41). This fails if a Go release
// changes that.
func TestUploadsGetNoTicketOfTLS13(t *testing.T) {
	cases := []struct {
		name    string
		version uint16
		reuse   paradise.DataTLSReuse
		psk     bool
		stor    int
	}{
		{"1.3, prefer, a ticket offered", tls.VersionTLS13, paradise.ReusePrefer, true, 0},
		{"1.3, prefer, none offered", tls.VersionTLS13, paradise.ReusePrefer, false, 0},
		{"1.3, require, a ticket offered", tls.VersionTLS13, paradise.ReuseRequire, true, 1},
		{"1.2, prefer, a ticket offered", tls.VersionTLS12, paradise.ReusePrefer, true, 1},
		{"1.2, prefer, none offered", tls.VersionTLS12, paradise.ReusePrefer, false, 1},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			overTLS(t, reusing(k.reuse), func(w *world) {
				w.files.Put("/f", []byte("content"))
				c := w.ftps()
				c.config.MaxVersion = k.version
				c.ready()
				if !k.psk {
					c.config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
				}
				tickets := countTickets(c.config)
				require.Equal(t, k.psk, c.store(226, "g", "data").DidResume)
				require.Equal(t, k.stor, tickets.got, "tickets of an upload")
				c.fetch(226, "RETR f", "content")
				require.Equal(t, k.stor+1, tickets.got, "tickets with that of a download")
				c.quit()
			})
		})
	}
}

// heldToReuse logs everybody in who must resume.
func heldToReuse(srv *paradise.Server) {
	srv.Auth = paradise.AuthFunc(func(_ context.Context, s *paradise.Session, _ paradise.Credentials) (*paradise.User, error) {
		policy := s.Policy
		policy.DataTLSReuse = paradise.ReuseRequire
		return &paradise.User{Policy: &policy}, nil
	})
}

func TestAUserHeldToReuseWhereNobodyGetsTicketsIsRefused(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			overTLS(t, func(srv *paradise.Server) { reusing(paradise.ReuseOff)(srv); heldToReuse(srv) }, func(w *world) {
				c := w.ftps()
				c.config.MinVersion, c.config.MaxVersion = version, version
				c.ready()
				for range 2 { // not for want of a first one
					c.store(522, "f", "data")
				}
				c.quit()
			})
		})
	}
}

func TestAUserMayBeHeldToAStricterReuse(t *testing.T) {
	overTLS(t, heldToReuse, func(w *world) {
		c := w.ftps().ready()
		require.True(t, c.store(226, "f", "mine").DidResume)
		c.config.ClientSessionCache = nil
		c.store(522, "f", "stolen")
		require.Equal(t, "mine", w.content("/f"))
		c.quit()
	})
}

func TestActiveModeIsBoundToo(t *testing.T) {
	for _, own := range []bool{true, false} {
		overTLS(t, reusing(paradise.ReuseRequire), func(w *world) {
			c := w.ftps().ready()
			if !own {
				c.config.ClientSessionCache = nil
			}
			l, err := w.net.Listen(addrOf("198.51.100.7:51201"))
			require.NoError(t, err)
			defer l.Close()
			c.cmd(200, "PORT 198,51,100,7,200,1")
			c.cmd(150, "STOR f")
			raw, err := l.Accept()
			require.NoError(t, err)
			d := tls.Client(raw, c.config) // RFC 4217, 7: the server is the TLS server
			require.NoError(t, d.Handshake())
			io.WriteString(d, "active")
			d.Close()
			if own {
				c.expect(226)
				require.Equal(t, "active", w.content("/f"))
			} else {
				c.expect(522)
				w.missing("/f")
			}
			c.quit()
		})
	}
}

// thief races for the data connections of a victim. He wins as often as he can:
// in every other attempt he is at the port before the victim knows its number.
type thief struct {
	s      *realServer
	config *tls.Config
	from   string
	stolen atomic.Int64 // bytes of downloads
}

const (
	thiefData  = "what the thief would store"
	victimData = "what the victim stores"
)

// raid connects, then talks at once. It returns when all is lost.
func (f *thief) raid(conn net.Conn, upload bool) {
	defer conn.Close()
	d := tls.Client(conn, f.config)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if d.Handshake() != nil {
		return
	}
	if upload {
		io.WriteString(d, thiefData)
		d.CloseWrite()
	}
	n, _ := io.Copy(io.Discard, d)
	f.stolen.Add(n)
}

// attempt is one transfer of the victim; it returns the final reply's code.
func (f *thief) attempt(victim *ftps, i int) int {
	upload := i%2 == 0
	command := "RETR secret"
	if upload {
		command = "STOR target"
	}
	victim.raw.SetDeadline(time.Now().Add(time.Minute))
	addr := victim.epsv()
	var wg sync.WaitGroup
	var thieving, own net.Conn
	connect := func() { thieving = f.s.dial(f.from)(addr) }
	if i%4 < 2 {
		connect()
	} else {
		wg.Go(connect)
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.1")}}
	own, _ = dialer.Dial("tcp", addr.String()) // refused where the thief came first and the port is closed
	wg.Wait()
	victim.send("%s", command)
	wg.Go(func() { f.raid(thieving, upload) })
	victim.expect(150)
	if own != nil {
		own.SetDeadline(time.Now().Add(10 * time.Second))
		d := tls.Client(own, victim.config)
		if upload {
			io.WriteString(d, victimData)
			d.CloseWrite()
		}
		io.Copy(io.Discard, d)
		own.Close()
	}
	line, err := victim.r.ReadString('\n')
	require.NoError(f.s.t, err)
	wg.Wait()
	if line[:3] == "226" {
		return 226
	}
	require.Equal(f.s.t, "522", line[:3], line)
	return 522
}

func TestAThiefAtTheDataPortGetsNothing(t *testing.T) {
	const attempts = 10_000
	cases := []struct {
		name, from string
		reuse      paradise.DataTLSReuse
		ticket     bool // of another session, his own
		always     bool // the victim gets through each time
	}{
		{"same address, another session's ticket, require", "127.0.0.1", paradise.ReuseRequire, true, false},
		{"same address, no ticket, require", "127.0.0.1", paradise.ReuseRequire, false, false},
		{"another address, prefer", "127.0.0.2", paradise.ReusePrefer, true, true},
		{"another address, require", "127.0.0.2", paradise.ReuseRequire, true, true},
		{"another address, off", "127.0.0.2", paradise.ReuseOff, true, true},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			if l, err := net.Listen("tcp", k.from+":0"); err != nil {
				t.Skipf("%s is no address of this machine: %v", k.from, err)
			} else {
				l.Close()
			}
			s := realTLS(t, reusing(k.reuse))
			s.files.Put("/secret", []byte("secret"))
			s.files.Put("/target", []byte(victimData))
			f := &thief{s: s, from: k.from, config: clientTLS()}
			if k.ticket {
				accomplice := s.ftps()
				accomplice.config = f.config
				accomplice.ready().quit()
			} else {
				f.config.ClientSessionCache = nil
			}
			victim := s.ftps().ready()
			served := 0
			for i := range full(160, attempts) {
				if f.attempt(victim, i) == 226 {
					served++
				}
				got, err := s.files.Get("/target")
				require.NoError(t, err)
				require.Equal(t, victimData, string(got))
			}
			require.Zero(t, f.stolen.Load(), "bytes stolen")
			if k.always {
				require.Equal(t, full(160, attempts), served)
			}
			victim.quit()
		})
	}
}

// slowDisk takes 16 KiB in a millisecond.
type slowDisk struct{ paradise.FileDriver }

func (d slowDisk) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	u, err := d.FileDriver.Store(ctx, s, name, o)
	return slowUpload{u}, err
}

type slowUpload struct{ paradise.Upload }

func (u slowUpload) Write(p []byte) (int, error) {
	<-time.After(time.Duration(len(p)) * time.Millisecond / (16 << 10))
	return u.Upload.Write(p)
}

// The client of rclone and many others: TLS 1.3, it would resume, it only writes
// and closes. A ticket that it has not read makes its kernel reset the connection
// and throw away what the server has not read yet.
func TestWriteOnlyClientsLoseNoUploadToAnUnreadTicket(t *testing.T) {
	const workers = 10
	s := realTLS(t, func(srv *paradise.Server) { srv.Files = slowDisk{srv.Files} })
	data := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	var wg sync.WaitGroup
	var lost atomic.Int64
	for worker := range workers {
		c := s.ftps()
		if worker%2 == 1 {
			c.config.MaxVersion = tls.VersionTLS12
		}
		c.ready()
		wg.Go(func() {
			for i := range full(5, 100) {
				name := fmt.Sprintf("f%d-%d", worker, i)
				c.raw.SetDeadline(time.Now().Add(time.Minute))
				if worker%4 > 1 {
					c.config.ClientSessionCache = tls.NewLRUClientSessionCache(0) // nothing to offer
				}
				d := c.begin("STOR %s", name)
				if _, err := io.WriteString(d, data); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				d.Close()
				line, err := c.r.ReadString('\n')
				got, _ := s.files.Get("/" + name)
				if err != nil || line[:3] != "226" || string(got) != data {
					lost.Add(1)
				}
			}
			c.quit()
		})
	}
	wg.Wait()
	require.Zero(t, lost.Load(), "uploads lost")
}
