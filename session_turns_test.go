package paradise_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// What belongs to a transfer, to a line and to a login, and what comes after.

func TestWhatComesAfterTheFinalReplyIsNotDuringTheTransfer(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.TLSConfig = serverTLS()
		srv.Policy.TLS = paradise.TLSOptional
		srv.Hooks.After = func(_ context.Context, _ *paradise.Session, verb, _ string, _ int) {
			if verb == "STOR" {
				time.Sleep(time.Second) // the reply is out, the session not back yet
			}
		}
	}, func(w *world) {
		c := w.login()
		c.begin("STOR f").Close()
		c.expect(226)
		c.cmd(234, "AUTH TLS")
		c.conn.Close()
	})
}

func TestAuthAfterATransferThatWasQueuedItselfIsTaken(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.TLSConfig = serverTLS()
		srv.Policy.TLS = paradise.TLSOptional
	}, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		c.send("EPSV")
		c.send("STOR g")
		d.Close()
		c.expect(226)
		addr := epsvPort.FindStringSubmatch(c.expect(229))[1]
		c.expect(150)
		w.data(clientAddr, addrOf(serverAddr.Addr().String()+":"+addr)).Close()
		c.expect(226)
		c.cmd(234, "AUTH TLS")
		c.conn.Close()
	})
}

func TestTheLoginTimeBeginsAnewWhenALoginEnds(t *testing.T) {
	for verb, code := range map[string]int{"REIN": 220, "USER auser": 331} {
		t.Run(verb, func(t *testing.T) {
			inMemory(t, nil, func(w *world) {
				c := w.login()
				time.Sleep(4 * time.Minute)
				c.cmd(code, "%s", verb)
				time.Sleep(50 * time.Second)
				c.cmd(331, "USER auser")
				c.cmd(230, "PASS secret")
				c.cmd(220, "REIN")
				began := time.Now()
				require.Contains(t, c.expect(421), "Login")
				require.Equal(t, time.Minute, time.Since(began))
				c.closed()
			})
		})
	}
}

func TestREINDoesNotLengthenTheTimeToLogIn(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.dial()
		time.Sleep(50 * time.Second)
		c.cmd(220, "REIN")
		began := time.Now()
		c.expect(421)
		require.Equal(t, 10*time.Second, time.Since(began))
		c.closed()
	})
}

func TestALineThatWaitsForUsIsNotSlow(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		// More than is read ahead, cut in the middle of a line by our own reads.
		line := "MLST " + strings.Repeat("x", 40) + "\r\n"
		io.WriteString(c.conn, strings.Repeat(line, 40))
		for range 4 {
			time.Sleep(50 * time.Second)
			io.WriteString(d, "slow")
		}
		d.Close()
		c.expect(226)
		for range 40 {
			c.expect(550)
		}
		c.quit()
	})
}

func TestALineThatBeganDuringATransferMustEndInTimeToo(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		before := w.net.Open()
		d := c.begin("STOR f")
		io.WriteString(d, "half")
		io.WriteString(c.conn, "NO")
		began := time.Now()
		c.expect(426)
		c.expect(421)
		require.Equal(t, 30*time.Second, time.Since(began))
		c.closed()
		d.Close()
		synctest.Wait()
		require.Less(t, w.net.Open(), before)
		require.Zero(t, w.srv.Stats().Uploads.Running)
		w.missing("/f")
	})
}

func TestAClientThatTakesNoRepliesBesideATransferIsLeft(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		go func() {
			for {
				if _, err := io.WriteString(c.conn, strings.Repeat("NOOP\r\n", 100)); err != nil {
					return
				}
			}
		}()
		time.Sleep(time.Second)
		d.Close() // two want to write now: the loop its 200, the transfer its 226
		time.Sleep(2 * time.Minute)
		require.Empty(t, w.srv.Stats().Sessions)
		c.conn.Close()
	})
}

func TestALoginThatCameTooLateTakesNoPlace(t *testing.T) {
	const late = 10 * time.Minute
	inMemory(t, func(srv *paradise.Server) {
		srv.Auth = paradise.AuthFunc(func(_ context.Context, _ *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
			if c.Password == "slow" {
				time.Sleep(late)
			}
			return &paradise.User{Policy: &paradise.Policy{MaxSessions: 1}}, nil
		})
	}, func(w *world) {
		c := w.dial()
		c.cmd(331, "USER auser")
		c.cmd(421, "PASS slow")
		c.closed()
		time.Sleep(late)
		c = w.login()
		c.quit()
	})
}
