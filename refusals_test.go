package paradise_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/memnet"
	"github.com/paradiseftp/paradise/paradisetest"
)

// refusals are what a transfer may be refused with instead of a 150: what is said
// before, the command, the reply.
var refusals = []struct {
	before  []string
	command string
	code    int
}{
	{nil, "RETR nope", 550},
	{nil, "RETR dir", 550},
	{nil, "RETR a\x00b", 553},
	{nil, "RETR", 501},
	{[]string{"REST 9"}, "RETR a.txt", 550},
	{[]string{"REST 2", "TYPE A"}, "RETR a.txt", 504},
	{nil, "RETR hooked", 552},
	{nil, "STOR no/such/folder", 550},
	{nil, "STOR /", 550},
	{nil, "STOR dir", 550},
	{nil, "STOR a\x00b", 553},
	{nil, "STOR", 501},
	{[]string{"ALLO 100000"}, "STOR big", 552},
	{[]string{"REST 2", "TYPE A"}, "STOR a.txt", 504},
	{[]string{"RANG 1 2"}, "STOR a.txt", 504},
	{nil, "STOR hooked", 552},
	{nil, "APPE no/such/folder", 550},
	{nil, "APPE", 501},
	{nil, "APPE a\x00b", 553},
	{[]string{"ALLO 100000"}, "APPE big", 552},
	{nil, "STOU no/such/folder/", 550},
	{nil, "STOU a\x00b", 553},
	{[]string{"ALLO 100000"}, "STOU big", 552},
	{nil, "LIST nope", 550},
	{nil, "LIST a\x00b", 553},
	{nil, "LIST hooked", 552},
	{nil, "NLST nope", 550},
	{nil, "NLST a\x00b", 553},
	{nil, "MLSD nope", 550},
	{nil, "MLSD a.txt", 501},
	{nil, "MLSD a\x00b", 553},
}

// refusing is a server that has all of these refusals.
func refusing(srv *paradise.Server) {
	srv.Policy.MaxFileSize = 1000
	srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, _, arg string) error {
		if arg == "hooked" {
			return &paradise.ReplyError{Code: 552, Text: "Not today"}
		}
		return nil
	}
}

// served is a session that has a file and a folder.
func (w *world) served() *client {
	w.files.Put("/a.txt", []byte("hello"))
	w.files.Put("/dir/x", nil)
	return w.login()
}

func TestARefusedTransferLeavesTheDataChannelAsItWas(t *testing.T) {
	for _, r := range refusals {
		t.Run(strings.Join(append(r.before, r.command), " "), func(t *testing.T) {
			inMemory(t, refusing, func(w *world) {
				c := w.served()
				refuse := func() {
					for _, line := range r.before {
						c.send("%s", line)
						c.expectAny()
					}
					c.cmd(r.code, "%s", r.command)
					c.cmd(200, "TYPE I")
				}
				before := w.net.Open()
				addr := c.epsv()
				early := w.data(clientAddr, addr)
				refuse()
				refuse()
				c.cmd(150, "RETR a.txt")
				got, err := io.ReadAll(early)
				require.NoError(t, err)
				require.Equal(t, "hello", string(got))
				c.expect(226)
				early.Close()

				l, err := w.net.Listen(addrOf("198.51.100.7:51201"))
				require.NoError(t, err)
				c.cmd(200, "PORT 198,51,100,7,200,1")
				refuse()
				c.cmd(150, "RETR a.txt")
				active, err := l.Accept()
				require.NoError(t, err)
				got, err = io.ReadAll(active)
				require.NoError(t, err)
				require.Equal(t, "hello", string(got))
				c.expect(226)
				active.Close()
				l.Close()
				synctest.Wait()
				require.Equal(t, before, w.net.Open())
				c.quit()
			})
		})
	}
}

// unusedEnds are the ways in which a channel goes that no transfer has used.
var unusedEnds = map[string]func(w *world, c *client){
	"EPSV":       func(_ *world, c *client) { c.epsv() },
	"PASV":       func(_ *world, c *client) { c.cmd(227, "PASV") },
	"LPSV":       func(_ *world, c *client) { c.cmd(228, "LPSV") },
	"PORT":       func(_ *world, c *client) { c.cmd(200, "PORT 198,51,100,7,200,1") },
	"PORT wrong": func(_ *world, c *client) { c.cmd(504, "PORT 203,0,113,9,200,1") },
	"ABOR":       func(_ *world, c *client) { c.cmd(226, "ABOR") },
	"USER":       func(_ *world, c *client) { c.cmd(331, "USER auser") },
	"REIN":       func(_ *world, c *client) { c.cmd(220, "REIN") },
	"QUIT":       func(_ *world, c *client) { c.cmd(221, "QUIT") },
	"expiry":     func(*world, *client) { time.Sleep(31 * time.Second) },
	"vanishes":   func(_ *world, c *client) { c.conn.Close() },
	"reset":      func(_ *world, c *client) { c.conn.Reset() },
	"Kick":       func(w *world, _ *client) { w.srv.Kick(w.srv.Stats().Sessions[0].ID, nil) },
	"Shutdown":   func(w *world, _ *client) { w.srv.Shutdown(context.Background()) },
	"Close":      func(w *world, _ *client) { w.srv.Close() },
}

func TestAChannelThatGoesUnusedEndsItsConnectionInOrder(t *testing.T) {
	sent := map[string]string{"nothing": "", "a ClientHello": strings.Repeat("\x16", 300), "an upload": strings.Repeat("x", 60_000)}
	for how, end := range unusedEnds {
		for what, bytes := range sent {
			for refusal, refuse := range map[string]string{"refused": "RETR nope", "refused by its name": "STOR a\x00b", "not refused": ""} {
				t.Run(how+" "+what+" "+refusal, func(t *testing.T) {
					inMemory(t, refusing, func(w *world) {
						c := w.served()
						d := w.data(clientAddr, c.epsv())
						io.WriteString(d, bytes)
						if refuse != "" {
							c.send("%s", refuse)
							c.expectAny()
						}
						end(w, c)
						_, err := io.ReadAll(d)
						require.NoError(t, err, "a reset, where an end was due")
						d.Close()
						c.conn.Close()
						w.srv.Close()
						require.Zero(t, w.srv.Stats().PassiveListeners)
					})
				})
			}
		}
	}
}

func TestWhatWasMeantForARefusedUploadIsNotStoredByTheNext(t *testing.T) {
	for name, former := range map[string]func(d *memnet.Conn){
		"ended":              func(d *memnet.Conn) { d.Close() },
		"sent and ended":     func(d *memnet.Conn) { io.WriteString(d, "of the refused one"); d.Close() },
		"sent and stays":     func(d *memnet.Conn) { io.WriteString(d, "of the refused one") },
		"sent and was reset": func(d *memnet.Conn) { io.WriteString(d, "of the refused one"); d.Reset() },
	} {
		for _, refuse := range []string{"STOR no/folder", "STOR a\x00b"} {
			t.Run(name+" "+refuse, func(t *testing.T) {
				inMemory(t, nil, func(w *world) {
					c := w.login()
					addr := c.epsv()
					d := w.data(clientAddr, addr)
					c.send("%s", refuse)
					c.expectAny()
					former(d)
					next := w.data(clientAddr, addr)
					c.cmd(150, "STOR f")
					io.WriteString(next, "whole")
					next.Close()
					c.expect(226)
					require.Equal(t, "whole", w.content("/f"))
					d.Close()
					c.quit()
				})
			})
		}
	}
}

func TestARefusalDoesNotLengthenTheLifeOfAPassivePort(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		before := w.net.Open()
		c.epsv()
		for range 3 {
			time.Sleep(9 * time.Second)
			c.cmd(550, "RETR nope")
			require.True(t, w.srv.Stats().Sessions[0].Passive[0].Open)
			require.Equal(t, "EPSV", w.srv.Stats().Sessions[0].Passive[0].Verb)
		}
		time.Sleep(4 * time.Second)
		require.Equal(t, before, w.net.Open())
		require.False(t, w.srv.Stats().Sessions[0].Passive[0].Open)
		c.cmd(425, "LIST")
		c.quit()
	})
}

func TestUnusedConnectionsDoNotPileUp(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		before := w.net.Open()
		var kept []*memnet.Conn
		for range 20 {
			kept = append(kept, w.data(clientAddr, c.epsv()))
			c.cmd(550, "RETR nope")
		}
		c.cmd(226, "ABOR")
		synctest.Wait()
		require.Equal(t, before+len(kept)+1, w.net.Open(), "one lingers at most")
		time.Sleep(3 * time.Second)
		require.Equal(t, before+len(kept), w.net.Open())
		for _, d := range kept {
			d.Close()
		}
		c.quit()
	})
}

func TestAnAbortBeforeThe150EndsTheConnectionInOrder(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Files = sluggish{srv.Files, time.Second}
	}, func(w *world) {
		c := w.login()
		d := w.data(clientAddr, c.epsv())
		io.WriteString(d, "early")
		c.send("STOR f")
		synctest.Wait()
		c.send("ABOR")
		c.expect(150) // the driver has taken its time and heeded nobody
		c.expect(426)
		c.expect(226)
		_, err := io.ReadAll(d)
		require.NoError(t, err)
		d.Close()
		w.missing("/f")
		c.quit()
	})
}

// TestRefusalsOnTheWire looks at real sockets: the kernel has its own rules for what
// becomes of a connection that nobody has accepted.
func TestRefusalsOnTheWire(t *testing.T) {
	bytes := map[string]string{"nothing": "", "a ClientHello": strings.Repeat("\x16", 300), "an upload": strings.Repeat("x", 300_000)}
	for how, line := range map[string]string{"EPSV": "EPSV", "ABOR": "ABOR", "QUIT": "QUIT", "REIN": "REIN", "gone": ""} {
		for what, sent := range bytes {
			t.Run(how+" "+what, func(t *testing.T) {
				c := paradisetest.NewServer(t, nil).Dial()
				c.Login()
				d := c.Data(c.EPSV())
				io.WriteString(d, sent)
				c.Expect(550, "RETR missing")
				if line == "" {
					c.Close()
				} else {
					c.Cmd("%s", line)
				}
				_, err := io.ReadAll(d)
				require.NoError(t, err)
				require.NoError(t, d.Close())
			})
		}
	}
}

func TestAHandshakeThatIsRefusedEndsInOrder(t *testing.T) {
	for _, command := range []string{"LIST", "RETR a.txt", "STOR f"} {
		t.Run(command, func(t *testing.T) {
			s := realTLS(t, nil)
			s.files.Put("/a.txt", []byte("hello"))
			c := s.ftps().ready()
			d := c.open(c.epsv())
			_, err := io.WriteString(d, strings.Repeat("no TLS at all\n", 10_000))
			require.NoError(t, err)
			c.cmd(150, "%s", command)
			c.expect(522)
			_, err = io.ReadAll(d)
			require.False(t, errors.Is(err, syscall.ECONNRESET), "%v", err)
			d.Close()
			c.cmd(200, "NOOP")
			c.quit()
		})
	}
}

func TestADataConnectionThatDoesNotResumeEndsWithCloseNotify(t *testing.T) {
	for _, command := range []string{"LIST", "STOR f"} {
		t.Run(command, func(t *testing.T) {
			s := realTLS(t, func(srv *paradise.Server) { srv.Policy.DataTLSReuse = paradise.ReuseRequire })
			c := s.ftps().ready()
			raw := c.open(c.epsv())
			c.send("%s", command)
			c.expect(150)
			fresh := clientTLS()
			fresh.ClientSessionCache = nil
			end := &noticeEnd{Conn: raw}
			d := tls.Client(end, fresh)
			_, err := d.Read(make([]byte, 1))
			require.Equal(t, io.EOF, err)
			require.False(t, end.ended, "the transport ended before close_notify")
			c.expect(522)
			d.Close()
			c.quit()
		})
	}
}

func TestARefusedUploadOverTLSEndsWithCloseNotify(t *testing.T) {
	s := realTLS(t, func(srv *paradise.Server) { srv.Policy.MaxFileSize = 10 })
	c := s.ftps().ready()
	end := &noticeEnd{Conn: c.beginClear("STOR f")}
	d := tls.Client(end, c.config)
	_, err := io.WriteString(d, strings.Repeat("x", 100_000))
	require.NoError(t, err)
	require.NoError(t, d.CloseWrite())
	_, err = d.Read(make([]byte, 1)) // as Python's unwrap
	require.Equal(t, io.EOF, err)
	require.False(t, end.ended, "the transport ended before close_notify")
	c.expect(552)
	d.Close()
	c.quit()
}
