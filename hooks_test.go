package paradise_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// panicking are hooks that only look on, each of which panics when called.
var panicking = map[string]func(h *paradise.Hooks){
	"Login": func(h *paradise.Hooks) { h.Login = func(context.Context, paradise.LoginEvent) { panic("Login") } },
	"After": func(h *paradise.Hooks) {
		h.After = func(context.Context, *paradise.Session, string, string, int) { panic("After") }
	},
	"TransferStart": func(h *paradise.Hooks) {
		h.TransferStart = func(context.Context, paradise.TransferEvent) { panic("TransferStart") }
	},
	"TransferEnd": func(h *paradise.Hooks) {
		h.TransferEnd = func(context.Context, paradise.TransferEvent) { panic("TransferEnd") }
	},
	"Change": func(h *paradise.Hooks) { h.Change = func(context.Context, paradise.ChangeEvent) { panic("Change") } },
	"Disconnect": func(h *paradise.Hooks) {
		h.Disconnect = func(context.Context, *paradise.Session) { panic("Disconnect") }
	},
}

func TestAPanicOfAHookThatLooksOnChangesNothing(t *testing.T) {
	for name, set := range panicking {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) { set(&srv.Hooks) }, func(w *world) {
				c := w.login()
				d := c.begin("STOR f")
				io.WriteString(d, "whole")
				d.Close()
				c.expect(226)
				require.Equal(t, "whole", w.content("/f"))
				d = c.begin("LIST")
				io.Copy(io.Discard, d)
				d.Close()
				c.expect(226)
				c.cmd(250, "DELE f")
				c.quit()
				w.srv.Close()
				require.NotZero(t, w.srv.Stats().Panics)
			})
		})
	}
}

func TestAPanicOfAHookThatDecidesRefuses(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, verb, _ string) error {
			if verb == "LIST" {
				panic(verb)
			}
			return nil
		}
	}, func(w *world) {
		c := w.login()
		before := w.net.Open()
		d := w.data(clientAddr, c.epsv())
		c.cmd(451, "LIST")
		began := time.Now()
		_, err := d.Read(make([]byte, 1))
		require.Error(t, err)
		require.Zero(t, time.Since(began), "nobody waits at the data channel of a refused command")
		d.Close()
		require.Equal(t, before, w.net.Open())
		c.quit()
	})
}

func TestBeforeSeesCommandsThatRunBesideATransferToo(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, verb, _ string) error {
			if verb == "STAT" {
				return paradise.ErrBusy
			}
			return nil
		}
	}, func(w *world) {
		c := w.login()
		d := c.begin("STOR f")
		c.cmd(550, "STAT")
		c.cmd(200, "NOOP")
		d.Close()
		c.expect(226)
		c.cmd(550, "STAT")
		c.quit()
	})
}
