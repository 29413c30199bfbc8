package paradise_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/memnet"
	"github.com/paradiseftp/paradise/memfs"
)

// A client that dies ends its data connection as one that is done: what tells them
// apart, and what does not.

func TestAClientThatDiesSlowlyPublishesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		early string // said before the last byte
		dies  time.Duration
		how   func(*memnet.Conn)
		wait  time.Duration // Policy.LostControlWait
		lives bool
	}{
		"2 ms":                              {dies: 2 * time.Millisecond},
		"2 ms, reset":                       {dies: 2 * time.Millisecond, how: (*memnet.Conn).Reset},
		"25 ms":                             {dies: 25 * time.Millisecond},
		"after the wait":                    {dies: 40 * time.Millisecond, lives: true},
		"a wait of its own":                 {dies: 900 * time.Millisecond, wait: time.Second},
		"no wait":                           {dies: 2 * time.Millisecond, wait: -1, lives: true},
		"NOOP while the data came":          {early: "NOOP", dies: 2 * time.Millisecond},
		"the next command, but too early":   {early: "PWD", dies: 2 * time.Millisecond},
		"ALLO of another size said earlier": {early: "ALLO 3", dies: 2 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) { srv.Policy.LostControlWait = tc.wait }, func(w *world) {
				w.files.Put("/f", []byte("old"))
				c := w.login()
				d := c.begin("STOR f")
				if tc.early != "" {
					c.send("%s", tc.early)
					synctest.Wait()
				}
				io.WriteString(d, "a part")
				synctest.Wait()
				d.Close()
				time.Sleep(tc.dies)
				if tc.how == nil {
					tc.how = func(c *memnet.Conn) { c.Close() }
				}
				tc.how(c.conn)
				time.Sleep(time.Hour)
				want := "old"
				if tc.lives {
					want = "a part"
				}
				require.Equal(t, want, w.content("/f"))
			})
		})
	}
}

func TestAClientThatHasToldTheEndIsNotKeptWaiting(t *testing.T) {
	sum := sha256.Sum256([]byte("whole"))
	plain := func(d io.WriteCloser, _ *client) {
		io.WriteString(d, "whole")
		synctest.Wait()
		d.Close()
	}
	for name, tc := range map[string]struct {
		before []string
		upload func(io.WriteCloser, *client)
		waits  bool
	}{
		"nothing":           {nil, plain, true},
		"ALLO":              {[]string{"ALLO 5"}, plain, false},
		"ALLO of more":      {[]string{"ALLO 6"}, plain, true},
		"SITE EXPECT":       {[]string{"SITE EXPECT SHA-256 " + hex.EncodeToString(sum[:])}, plain, false},
		"MODE Z":            {[]string{"MODE Z"}, func(d io.WriteCloser, _ *client) { d.Write(deflated("whole")); d.Close() }, false},
		"MODE Z of nothing": {[]string{"MODE Z"}, func(d io.WriteCloser, _ *client) { d.Close() }, true},
		"a further command before the end": {nil, func(d io.WriteCloser, c *client) {
			io.WriteString(d, "whole")
			synctest.Wait()
			c.send("SYST")
			synctest.Wait()
			d.Close()
			c.expect(226)
			c.expect(215)
		}, false},
		"a further command after it": {nil, func(d io.WriteCloser, c *client) {
			plain(d, c)
			synctest.Wait()
			c.send("SYST")
			c.expect(226)
			c.expect(215)
		}, false},
		"NOOP after it": {nil, func(d io.WriteCloser, c *client) {
			plain(d, c)
			synctest.Wait()
			c.send("NOOP")
			c.expect(200)
			c.expect(226)
		}, false},
		"NOOP before it": {nil, func(d io.WriteCloser, c *client) { c.cmd(200, "NOOP"); plain(d, c) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) { srv.Policy.LostControlWait = 20 * time.Second }, func(w *world) {
				c := w.login()
				for _, line := range tc.before {
					c.cmd(200, "%s", line)
				}
				d := c.begin("STOR f")
				began := time.Now()
				tc.upload(d, c)
				if !strings.HasPrefix(name, "a further") && name != "NOOP after it" {
					c.expect(226)
				}
				require.Equal(t, tc.waits, time.Since(began) > time.Second, "%v", time.Since(began))
				c.quit()
			})
		})
	}
}

func TestQuitSparesTheWait(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.LostControlWait = 20 * time.Second }, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		c.send("QUIT")
		io.WriteString(d, "whole")
		d.Close()
		began := time.Now()
		c.expect(226)
		c.expect(221)
		require.Less(t, time.Since(began), time.Second)
		c.closed()
	})
}

func TestWhatEndsAnUploadEndsItsWait(t *testing.T) {
	for name, end := range map[string]func(w *world, c *client){
		"ABOR":  func(_ *world, c *client) { c.send("ABOR"); c.expect(426); c.expect(226) },
		"Kick":  func(w *world, c *client) { w.srv.Kick(w.srv.Stats().Sessions[0].ID, nil); c.expect(426) },
		"Close": func(w *world, c *client) { w.srv.Close(); c.expect(426) },
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) { srv.Policy.LostControlWait = 20 * time.Second }, func(w *world) {
				c := w.login()
				d := c.begin("STOR f")
				io.WriteString(d, "whole")
				d.Close()
				synctest.Wait()
				began := time.Now()
				end(w, c)
				require.Less(t, time.Since(began), time.Second)
				w.missing("/f")
				c.conn.Close()
			})
		})
	}
}

// The kernel knows of an end that the loop does not come to read.
func TestADeadClientIsSeenBehindALoopThatDoesNotRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells that a client has gone")
	}
	dies := func(c, d *net.TCPConn) { d.Close(); c.Close() }
	for name, tc := range map[string]struct {
		said string
		die  func(c, d *net.TCPConn)
	}{
		"a hook that takes its time": {"NOOP\r\n", dies},
		"a full queue":               {strings.Repeat("PWD\r\n", 40), func(c, d *net.TCPConn) { c.SetLinger(0); dies(d, c) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := memfs.New()
			files.Put("/f", []byte("old"))
			held := make(chan struct{})
			ended := make(chan paradise.TransferEvent, 1)
			srv := quiet(&paradise.Server{Auth: paradise.Accounts{"auser": "secret"}, Files: files})
			srv.Policy.LostControlWait = 2 * time.Second
			srv.Hooks.TransferEnd = func(_ context.Context, e paradise.TransferEvent) { ended <- e }
			srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, verb, _ string) error {
				if verb == "NOOP" {
					<-held
				}
				return nil
			}
			dial := atTCP(t, srv)
			t.Cleanup(func() { close(held) }) // before the server closes
			c := dial()
			io.WriteString(c, "USER auser\r\nPASS secret\r\nEPSV\r\n")
			d := dialData(t, c)
			io.WriteString(c, "STOR f\r\n")
			await(t, c, "150")
			io.WriteString(c, tc.said)
			io.WriteString(d, "a part")
			tc.die(c, d)
			require.ErrorIs(t, (<-ended).Err, paradise.ErrControlLost)
			got, err := files.Get("/f")
			require.NoError(t, err)
			require.Equal(t, "old", string(got))
		})
	}
}

// A wait that nobody can mean is an error where one can be given, and bounded elsewhere.
func TestTheWaitForALostControlConnectionIsBounded(t *testing.T) {
	for wait, want := range map[time.Duration]string{
		time.Minute:                  "",
		time.Minute + 1:              "Policy.LostControlWait is 1m0.000000001s, which each upload in the clear would end later: use 1m0s or less",
		30 * time.Hour:               "use 1m0s or less",
		time.Duration(math.MaxInt64): "use 1m0s or less",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		srv := &paradise.Server{Policy: paradise.Policy{LostControlWait: wait}}
		if err = srv.Serve(l); want == "" {
			require.NotContains(t, err.Error(), "LostControlWait", "the listener is closed")
			continue
		}
		require.ErrorContains(t, err, want)
	}
	inMemory(t, func(srv *paradise.Server) {
		srv.Auth = waiting(30 * time.Hour)
	}, func(w *world) {
		c := w.login()
		begun := time.Now()
		d := c.begin("STOR f")
		io.WriteString(d, "x")
		d.Close()
		c.expect(226)
		require.Equal(t, time.Minute, time.Since(begun))
		c.quit()
	})
}

// waiting lets everybody in, under a policy with that wait.
type waiting time.Duration

func (w waiting) Authenticate(_ context.Context, s *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
	if !c.HasPassword {
		return nil, paradise.ErrNeedPassword
	}
	p := s.Policy
	p.LostControlWait = time.Duration(w)
	return &paradise.User{Name: c.User, Policy: &p}, nil
}
