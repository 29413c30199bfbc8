package paradise_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

func TestIdleSessionGets421AfterTheIdleTimeout(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		began := time.Now()
		require.Contains(t, c.expect(421), "Idle")
		require.Equal(t, 5*time.Minute, time.Since(began))
		c.closed()
	})
}

func TestCommandsKeepASessionFromIdling(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		for range 3 {
			time.Sleep(4 * time.Minute)
			c.cmd(200, "NOOP")
		}
		c.quit()
	})
}

func TestLoginMustEndInTimeWhateverIsSaid(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.dial()
		for range 5 {
			time.Sleep(10 * time.Second)
			c.cmd(200, "NOOP")
		}
		began := time.Now()
		require.Contains(t, c.expect(421), "Login")
		require.Equal(t, 10*time.Second, time.Since(began))
		c.closed()
	})
}

func TestALineThatBeganMustEndInTime(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		io.WriteString(c.conn, "NO")
		began := time.Now()
		require.Contains(t, c.expect(421), "Command took too long")
		require.Equal(t, 30*time.Second, time.Since(began))
		c.closed()
	})
}

func TestAClientThatTakesNoRepliesIsLeft(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		go func() {
			for {
				if _, err := io.WriteString(c.conn, strings.Repeat("HELP\r\n", 100)); err != nil {
					return
				}
			}
		}()
		time.Sleep(2 * time.Minute)
		require.Empty(t, w.srv.Stats().Sessions)
		c.conn.Close()
	})
}

func TestPipelinedCommandsAreAnsweredInOrder(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		c.send("PWD\r\nNOOP\r\nSYST\r\nBOGUS\r\nTYPE I")
		for _, code := range []int{257, 200, 215, 500, 200} {
			c.expect(code)
		}
		c.quit()
	})
}

func TestOverlongLineIsRefusedAndTheSessionGoesOn(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		c.cmd(500, "CWD %s", strings.Repeat("x", 100_000))
		c.cmd(200, "NOOP")
		c.quit()
	})
}

func TestUnusedPassiveListenerIsClosed(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		before := w.net.Open()
		c.epsv()
		require.Equal(t, before+1, w.net.Open())
		time.Sleep(31 * time.Second)
		require.Equal(t, before, w.net.Open())
		c.cmd(425, "LIST")
		c.quit()
	})
}

func TestANewDataChannelClosesTheFormer(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		before := w.net.Open()
		for range 100 {
			c.epsv()
			c.cmd(227, "PASV")
			require.Equal(t, before+1, w.net.Open())
		}
		c.cmd(200, "PORT 198,51,100,7,200,1")
		require.Equal(t, before, w.net.Open())
		c.quit()
	})
}

func TestStrangersAtTheDataPortDoNotCount(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		addr := c.epsv()
		steal := func(times int) {
			for range times {
				thief := w.data(otherAddr, addr)
				io.WriteString(thief, "stolen")
				thief.Close()
				synctest.Wait()
			}
		}
		steal(5)
		c.cmd(150, "STOR f")
		steal(500)
		d := w.data(clientAddr, addr)
		io.WriteString(d, "mine")
		d.Close()
		c.expect(226)
		require.Equal(t, "mine", w.content("/f"))
		c.quit()
	})
}

func TestNobodyAtTheDataPortIs425(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		c.epsv()
		c.cmd(150, "STOR f")
		began := time.Now()
		c.expect(425)
		require.Equal(t, 30*time.Second, time.Since(began))
		w.missing("/f")
		c.quit()
	})
}

func TestActiveModeConnectsToTheClient(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		l, err := w.net.Listen(addrOf("198.51.100.7:51201"))
		require.NoError(t, err)
		c.cmd(200, "PORT 198,51,100,7,200,1")
		c.cmd(150, "STOR f")
		d, err := l.Accept()
		require.NoError(t, err)
		l.Close()
		io.WriteString(d, "active")
		d.Close()
		c.expect(226)
		require.Equal(t, "active", w.content("/f"))
		c.quit()
	})
}

func TestBounceIsRefused(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		c.cmd(504, "PORT 203,0,113,9,200,1")
		c.cmd(504, "PORT 198,51,100,7,0,25")
		c.cmd(501, "PORT 256,1,1,1,200,1")
		c.cmd(501, "PORT 1,2")
		c.cmd(504, "EPRT |1|203.0.113.9|51201|")
		c.cmd(522, "EPRT |3|203.0.113.9|51201|")
		c.cmd(522, "EPRT |2|::1|51201|")
		c.cmd(501, "EPRT |1|localhost|51201|")
		c.cmd(425, "LIST")
		c.quit()
	})
}

func TestUrgentCommandsAreAnsweredDuringATransfer(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		io.WriteString(d, "half")
		synctest.Wait()
		c.cmd(200, "NOOP")
		require.Contains(t, c.cmd(211, "STAT"), "STOR in progress, 4 bytes")
		c.send("PWD")
		c.cmd(200, "NOOP") // PWD waits, NOOP does not
		d.Close()
		c.expect(226)
		c.expect(257)
		c.quit()
	})
}

func TestAbortEndsATransferWith426And226(t *testing.T) {
	for _, abor := range []string{"ABOR", "abor", "\xff\xf4\xff\xf2ABOR", "\xf2ABOR"} {
		inMemory(t, nil, func(w *world) {
			w.files.Put("/f", []byte("old"))
			c := w.login()
			d := c.begin("STOR f")
			io.WriteString(d, "half")
			synctest.Wait()
			c.send("%s", abor)
			c.expect(426)
			c.expect(226)
			require.Equal(t, "old", w.content("/f"))
			c.cmd(226, "ABOR")
			d.Close()
			c.quit()
		})
	}
}

func TestAbortEndsAWaitForTheDataConnection(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		c.epsv()
		c.cmd(150, "STOR f")
		c.send("ABOR")
		c.expect(426)
		c.expect(226)
		c.quit()
	})
}

func TestQuitDuringATransferLetsItEnd(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		c.send("QUIT")
		io.WriteString(d, "whole")
		d.Close()
		c.expect(226)
		c.expect(221)
		c.closed()
		require.Equal(t, "whole", w.content("/f"))
	})
}

func TestQueueHoldsSixteenCommandsAndThenWaits(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		for range 40 {
			c.send("PWD")
		}
		d.Close()
		c.expect(226)
		for range 40 {
			c.expect(257)
		}
		c.quit()
	})
}

func TestUploadsOfAClientThatVanishedAreNotPublished(t *testing.T) {
	ends := map[string]func(c *client, d io.Closer){
		"control ends first": func(c *client, d io.Closer) { c.conn.Close(); synctest.Wait(); d.Close() },
		"data ends first":    func(c *client, d io.Closer) { d.Close(); c.conn.Close() },
		"control is reset":   func(c *client, d io.Closer) { c.conn.Reset(); synctest.Wait(); d.Close() },
		"behind a NOOP":      func(c *client, d io.Closer) { c.send("NOOP"); c.conn.Close(); d.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			inMemory(t, nil, func(w *world) {
				c := w.login()
				d := c.begin("STOR f")
				io.WriteString(d, "half")
				end(c, d)
				synctest.Wait()
				time.Sleep(time.Second)
				w.missing("/f")
				require.EqualValues(t, 1, w.srv.Stats().Uploads.Failed)
			})
		})
	}
}

func TestAQuitBeforeTheEndMakesAnUploadCount(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		io.WriteString(d, "whole")
		c.send("QUIT")
		d.Close()
		c.conn.Close()
		time.Sleep(time.Second)
		require.Equal(t, "whole", w.content("/f"))
	})
}

func TestPolicyMayTakeUploadsOfVanishedClients(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.AllowLostControl = true }, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		io.WriteString(d, "whole")
		c.conn.Close()
		synctest.Wait()
		d.Close()
		time.Sleep(time.Second)
		require.Equal(t, "whole", w.content("/f"))
	})
}

func TestAResetDataConnectionIs426(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		io.WriteString(d, "half")
		synctest.Wait()
		d.Reset()
		c.expect(426)
		w.missing("/f")
		c.quit()
	})
}

func TestAStalledTransferIs426(t *testing.T) {
	for _, command := range []string{"STOR up", "RETR big"} {
		inMemory(t, func(srv *paradise.Server) {
			srv.Files.(*memfs.FS).Put("/big", make([]byte, 10<<20))
		}, func(w *world) {
			c := w.login()
			d := c.begin("%s", command)
			began := time.Now()
			c.expect(426)
			require.InDelta(t, 60, time.Since(began).Seconds(), 1)
			d.Close()
			c.quit()
		})
	}
}

func TestASlowUploadGoesOnAsLongAsItMoves(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		for range 20 {
			io.WriteString(d, "x")
			time.Sleep(50 * time.Second)
		}
		d.Close()
		c.expect(226)
		require.Len(t, w.content("/f"), 20)
		c.quit()
	})
}

func TestShutdownLetsTransfersEndAndSendsTheIdleAway(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		idle, busy := w.login(), w.login()
		d := busy.begin("STOR f")
		done := make(chan error, 1)
		go func() { done <- w.srv.Shutdown(context.Background()) }()
		idle.expect(421)
		idle.closed()
		synctest.Wait()
		require.Empty(t, done)
		require.True(t, w.srv.Stats().Draining)
		io.WriteString(d, "whole")
		d.Close()
		busy.expect(226)
		busy.expect(421)
		busy.closed()
		require.NoError(t, <-done)
		require.Equal(t, "whole", w.content("/f"))
	})
}

func TestDrainLeavesSessionsAloneForTheGrace(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		greeted, idle, busy := w.dial(), w.login(), w.login()
		d := busy.begin("STOR f")
		done := make(chan error, 1)
		began := time.Now()
		go func() { done <- w.srv.Drain(context.Background(), 40*time.Second) }()
		synctest.Wait()
		require.True(t, w.srv.Stats().Draining)
		greeted.cmd(331, "USER %s", paradisetest.User)
		greeted.cmd(230, "PASS %s", paradisetest.Password)
		greeted.quit()
		for range 3 {
			time.Sleep(10 * time.Second)
			idle.cmd(200, "NOOP")
		}
		idle.expect(421)
		idle.closed()
		require.Equal(t, 40*time.Second, time.Since(began))
		synctest.Wait()
		require.Empty(t, done)
		io.WriteString(d, "whole")
		d.Close()
		busy.expect(226)
		busy.expect(421)
		busy.closed()
		require.NoError(t, <-done)
	})
}

func TestDrainEndsWhenAllHaveGone(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		done := make(chan error, 1)
		began := time.Now()
		go func() { done <- w.srv.Drain(context.Background(), time.Hour) }()
		synctest.Wait()
		c.quit()
		require.NoError(t, <-done)
		require.Less(t, time.Since(began), time.Second)
	})
}

func TestShutdownEndsTheGraceOfADrain(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		done := make(chan error, 1)
		go func() { done <- w.srv.Drain(context.Background(), time.Hour) }()
		synctest.Wait()
		go w.srv.Shutdown(context.Background())
		c.expect(421)
		c.closed()
		require.NoError(t, <-done)
	})
}

// lateListener hands out one more connection when it is closed, as a kernel does
// whose queue was not empty.
type lateListener struct {
	net.Listener
	late   net.Conn
	closed chan struct{}
}

func (l *lateListener) Accept() (net.Conn, error) {
	<-l.closed
	nc := l.late
	if l.late = nil; nc == nil {
		return nil, net.ErrClosed
	}
	return nc, nil
}

func (l *lateListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return l.Listener.Close()
}

func TestAConnectionAcceptedAtTheLastMomentIsServedInTheGrace(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		inner, err := w.net.Listen(addrOf("192.0.2.1:2122"))
		require.NoError(t, err)
		mine, theirs := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- w.srv.Serve(&lateListener{inner, theirs, make(chan struct{})}) }()
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- w.srv.Drain(context.Background(), time.Minute) }()
		greeting, err := bufio.NewReader(mine).ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, greeting, "220 ")
		require.ErrorIs(t, <-served, paradise.ErrServerClosed)
		require.Empty(t, done)
		mine.Close()
		require.NoError(t, <-done)
	})
}

func TestShutdownGivesUpWhenItsContextEnds(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.ErrorIs(t, w.srv.Shutdown(ctx), context.DeadlineExceeded)
		io.WriteString(d, "whole")
		d.Close()
		c.expect(226)
		c.expect(421)
		c.closed()
	})
}

func TestCloseAbortsTransfers(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		io.WriteString(d, "half")
		synctest.Wait()
		require.NoError(t, w.srv.Close())
		c.expect(426)
		c.expect(421)
		c.closed()
		d.Close()
		w.missing("/f")
	})
}

func TestKickEndsOneSession(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		stays, goes := w.login(), w.login()
		d := goes.begin("STOR f")
		io.WriteString(d, "half")
		synctest.Wait()
		require.NoError(t, w.srv.Kick(w.srv.Stats().Sessions[1].ID, nil))
		goes.expect(426)
		goes.expect(421)
		goes.closed()
		d.Close()
		w.missing("/f")
		stays.cmd(200, "NOOP")
		stays.quit()
		require.ErrorIs(t, w.srv.Kick(4711, nil), paradise.ErrNoSession)
	})
}

func TestServeAfterShutdownReturnsAtOnce(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		w.srv.Close()
		l, err := w.net.Listen(addrOf("192.0.2.1:2121"))
		require.NoError(t, err)
		require.ErrorIs(t, w.srv.Serve(l), paradise.ErrServerClosed)
	})
}

// Whoever hands a listener on closes it before the drain.
func TestServeOnAListenerThatItsOwnerClosedIsServerClosed(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		l, err := w.net.Listen(addrOf("192.0.2.1:2122"))
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- w.srv.Serve(l) }()
		synctest.Wait()
		c := w.login()
		require.NoError(t, l.Close())
		err = <-served
		require.ErrorIs(t, err, paradise.ErrServerClosed)
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorContains(t, err, "listener 192.0.2.1:2122 was closed")
		c.cmd(200, "NOOP")
		c.quit()
	})
}

func TestFailedLoginsAreAnsweredLaterAndLater(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Limits = paradise.Limits{} }, func(w *world) {
		c := w.dial()
		for i, want := range []int{530, 530, 421} {
			began := time.Now()
			c.cmd(331, "USER %s", []string{"auser", "nobody", "auser"}[i])
			c.cmd(want, "PASS wrong")
			require.Equal(t, time.Second<<i, time.Since(began))
		}
		c.closed()
	})
}

func TestManyFailedLoginsBanAnAddressForAWhile(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Limits = paradise.Limits{FailedDelay: -1, LoginTries: -1, BanAfter: 5} }, func(w *world) {
		c := w.dial()
		for range 5 {
			c.cmd(331, "USER auser")
			c.cmd(530, "PASS wrong")
		}
		c.cmd(331, "USER auser")
		c.cmd(421, "PASS secret")
		c.closed()
		banned := w.dialFrom(clientAddr)
		banned.expect(421)
		banned.closed()
		other := w.dialFrom(otherAddr)
		other.expect(220)
		other.quit()
		time.Sleep(6 * time.Minute)
		w.login().quit()
	})
}

func TestAnOwnAccountForgivesNoGuessesAtAnother(t *testing.T) {
	limits := paradise.Limits{FailedDelay: -1, LoginTries: -1, BanAfter: 5}
	inMemory(t, func(srv *paradise.Server) {
		srv.Limits = limits
		srv.Auth = paradise.Accounts{"auser": "secret", "own": "account"}
	}, func(w *world) {
		guess := func(user, password string, code int) {
			c := w.dial()
			c.cmd(331, "USER %s", user)
			c.cmd(code, "PASS %s", password)
			c.conn.Close()
		}
		for i := range 5 {
			guess("auser", "guess", 530)
			guess(fmt.Sprintf("nobody%d", i), "guess", 530)
			guess("own", "account", 230)
		}
		guess("auser", "secret", 421)
		guess("own", "account", 230)
		time.Sleep(6 * time.Minute)
		guess("auser", "secret", 230)
	})
}

func TestTheRateOfLoginsOutlastsConnections(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Limits = paradise.Limits{LoginsPerMin: 3} }, func(w *world) {
		for range 3 {
			w.login().quit()
		}
		c := w.dial()
		c.cmd(331, "USER auser")
		c.cmd(421, "PASS secret")
		c.closed()
		time.Sleep(time.Minute)
		w.login().quit()
	})
}

func TestAnAuthDriverThatIsDownIs421(t *testing.T) {
	auth := paradise.AuthFunc(func(context.Context, *paradise.Session, paradise.Credentials) (*paradise.User, error) {
		return nil, errors.New("database down: password was secret")
	})
	inMemory(t, func(srv *paradise.Server) { srv.Auth = auth }, func(w *world) {
		c := w.dial()
		c.cmd(331, "USER auser")
		require.NotContains(t, c.cmd(421, "PASS secret"), "database")
		c.closed()
	})
}

func TestZeroServerRefusesEveryLogin(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Auth = nil }, func(w *world) {
		c := w.dial()
		c.cmd(331, "USER auser")
		c.cmd(530, "PASS secret")
		c.quit()
	})
}

func TestTelnetOptionsAreRefused(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		io.WriteString(c.conn, "\xff\xfb\x01\xff\xfd\x03")
		answer := make([]byte, 6)
		_, err := io.ReadFull(c.r, answer)
		require.NoError(t, err)
		require.Equal(t, "\xff\xfe\x01\xff\xfc\x03", string(answer), "RFC 1123, 4.1.2.12")
		c.cmd(200, "NOOP")
		c.quit()
	})
}
