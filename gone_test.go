package paradise_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/memnet"
)

// goings are the ways in which a client leaves that has asked for a transfer.
var goings = map[string]func(c *client){
	"FIN":           func(c *client) { c.conn.Close() },
	"RST":           func(c *client) { c.conn.Reset() },
	"QUIT FIN":      func(c *client) { c.send("QUIT"); c.conn.Close() },
	"QUIT RST":      func(c *client) { c.send("QUIT"); synctest.Wait(); c.conn.Reset() },
	"QUIT half FIN": func(c *client) { c.send("QUIT"); c.conn.CloseWrite() },
	"NOOP QUIT FIN": func(c *client) { c.send("NOOP\r\nPWD\r\nQUIT"); c.conn.Close() },
	"ABOR FIN":      func(c *client) { c.send("ABOR"); c.conn.Close() },
	"another, QUIT": func(c *client) { c.send("EPSV\r\nLIST\r\nQUIT"); c.conn.Close() },
}

// dataVerbs are all that move bytes.
var dataVerbs = []string{"LIST", "NLST", "MLSD", "RETR a.txt", "STOR f", "APPE f", "STOU"}

// nobodyThere are data channels that are not open; what they return cleans up.
var nobodyThere = map[string]func(w *world, c *client) func(){
	"passive": func(_ *world, c *client) func() { c.epsv(); return func() {} },
	"active": func(w *world, c *client) func() {
		l, err := w.net.Listen(addrOf("198.51.100.7:51201"))
		require.NoError(w.t, err)
		opened := []io.Closer{l}
		for range memnet.Backlog { // one more is not let in, and not refused
			opened = append(opened, w.data(otherAddr, addrOf("198.51.100.7:51201")))
		}
		c.cmd(200, "PORT 198,51,100,7,200,1")
		return func() {
			for _, o := range opened {
				o.Close()
			}
		}
	},
}

func TestASessionEndsWithItsClientWhereNoDataConnectionIsOpen(t *testing.T) {
	for going, leave := range goings {
		for channel, offer := range nobodyThere {
			for _, verb := range dataVerbs {
				for _, orphans := range []bool{false, true} {
					name := strings.Join([]string{going, channel, verb}, " ")
					if orphans {
						name += " AllowLostControl"
					}
					t.Run(name, func(t *testing.T) {
						inMemory(t, func(srv *paradise.Server) { srv.Policy.AllowLostControl = orphans }, func(w *world) {
							c := w.served()
							cleanUp := offer(w, c)
							c.cmd(150, "%s", verb)
							leave(c)
							time.Sleep(1100 * time.Millisecond)
							require.Empty(t, w.srv.Stats().Sessions)
							w.missing("/f")
							cleanUp()
							c.conn.Close()
						})
					})
				}
			}
		}
	}
}

func TestASessionEndsWithItsClientDuringTheHandshakeOfItsData(t *testing.T) {
	for _, verb := range dataVerbs {
		for _, half := range []string{"", "\x16\x03\x01\x02"} {
			overTLS(t, nil, func(w *world) {
				w.files.Put("/a.txt", []byte("hello"))
				c := w.ftps().ready()
				d := c.open(c.epsv())
				c.cmd(150, "%s", verb)
				io.WriteString(d, half)
				c.send("QUIT")
				c.conn.Close()
				time.Sleep(1100 * time.Millisecond)
				require.Empty(t, w.srv.Stats().Sessions, verb)
				d.Close()
			})
		}
	}
}

func TestWhatCameBeforeAQuitIsTakenHoweverSlowTheStorage(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Files = sluggish{srv.Files, 10 * time.Second} }, func(w *world) {
		c := w.login()
		d := w.data(clientAddr, c.epsv())
		io.WriteString(d, "whole")
		d.Close()
		c.send("STOR f\r\nQUIT")
		c.conn.Close()
		time.Sleep(20 * time.Second)
		require.Equal(t, "whole", w.content("/f"))
		require.Empty(t, w.srv.Stats().Sessions)
	})
}

func TestAnUploadThatIsUnderWayOutlivesItsQuit(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		io.WriteString(d, "wh")
		c.send("QUIT")
		c.conn.Close()
		time.Sleep(20 * time.Second)
		io.WriteString(d, "ole")
		d.Close()
		time.Sleep(time.Second)
		require.Equal(t, "whole", w.content("/f"))
	})
}

func TestPlacesAreFreeOnceAClientHasGone(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Limits.SessionsPerIP = 1 }, func(w *world) {
		for range 3 {
			c := w.login()
			c.epsv()
			c.cmd(150, "LIST")
			c.send("QUIT")
			c.conn.Close()
			time.Sleep(time.Second)
		}
	})
}

// Past the queue's end nothing is read: that the client has gone is the kernel's to say.
func TestASessionWithAFullQueueEndsWithItsClient(t *testing.T) {
	s := realTLS(t, nil)
	c := s.ftps().greeted()
	c.login().private()
	c.epsv()
	c.cmd(150, "LIST")
	c.send("%s", strings.Repeat("PWD\r\n", 40)+"QUIT")
	c.conn.Close()
	began := time.Now()
	for len(s.srv.Stats().Sessions) > 0 {
		require.Less(t, time.Since(began), 10*time.Second, "the session waits for its data connection")
		<-time.After(time.Millisecond)
	}
}
