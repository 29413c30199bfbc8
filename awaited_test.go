package paradise_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAClientThatWaitsOnARefusedChannelIsLetGo(t *testing.T) {
	for what, sent := range map[string]string{"silent": "", "in its handshake": "\x16\x03\x01", "sending": "of the refused one"} {
		for _, refused := range []string{"RETR nope", "STOR no/folder/f", "STOR a\x00b", "LIST nope"} {
			for when, late := range map[string]time.Duration{"before": 0, "after": 3 * time.Second} {
				t.Run(what+" "+refused+" connected "+when, func(t *testing.T) {
					inMemory(t, nil, func(w *world) {
						c := w.served()
						addr := c.epsv()
						c.send("%s", refused)
						time.Sleep(late)
						d := w.data(clientAddr, addr)
						io.WriteString(d, sent)
						began := time.Now()
						_, err := io.ReadAll(d)
						require.NoError(t, err, "a reset, where an end was due")
						require.LessOrEqual(t, time.Since(began), 2*time.Second)
						d.Close()
						c.expectAny()
						c.cmd(425, "RETR a.txt")
						require.Zero(t, w.srv.Stats().PassiveListeners)
						c.quit()
					})
				})
			}
		}
	}
}

func TestARefusedChannelIsKeptForAClientThatGoesOn(t *testing.T) {
	for what, early := range map[string]bool{"says something": true, "is not there": false} {
		t.Run(what, func(t *testing.T) {
			inMemory(t, nil, func(w *world) {
				c := w.served()
				addr := c.epsv()
				var d net.Conn
				if early {
					d = w.data(clientAddr, addr)
				}
				c.cmd(550, "RETR nope")
				for range 9 {
					time.Sleep(1900 * time.Millisecond)
					if early {
						c.cmd(200, "NOOP")
					}
				}
				if !early {
					d = w.data(clientAddr, addr)
				}
				c.cmd(150, "RETR a.txt")
				got, err := io.ReadAll(d)
				require.NoError(t, err)
				require.Equal(t, "hello", string(got))
				c.expect(226)
				d.Close()
				c.quit()
			})
		})
	}
}
