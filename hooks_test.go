package paradise_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

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
		c.send("NLST")
		c.expect(150)
		_, err := io.ReadAll(d)
		require.NoError(t, err, "the channel of the refused command is still good")
		c.expect(226)
		d.Close()
		synctest.Wait()
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

func TestEveryBeforeHasItsAfter(t *testing.T) {
	var before, after []string
	inMemory(t, func(srv *paradise.Server) {
		srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, verb, arg string) error {
			before = append(before, verb+" "+arg)
			return nil
		}
		srv.Hooks.After = func(_ context.Context, _ *paradise.Session, verb, arg string, _ int) {
			after = append(after, verb+" "+arg)
		}
	}, func(w *world) {
		w.files.Put("/f", []byte("data"))
		c := w.login()
		c.cmd(250, "SITE COPY f g")
		c.cmd(213, "HASH f")
		c.cmd(250, "XCRC f")
		c.cmd(250, "COMB h f g")
		c.begin("STOR i").Close()
		c.expect(226)
		c.epsv()
		c.cmd(550, "RETR missing")
		c.quit()
	})
	require.Equal(t, before, after)
	require.Contains(t, after, "SITE COPY f g")
}

func TestTransferEndTellsWhetherTheDataConnectionWasThere(t *testing.T) {
	var begun []bool
	inMemory(t, func(srv *paradise.Server) {
		srv.Hooks.TransferEnd = func(_ context.Context, e paradise.TransferEvent) { begun = append(begun, e.Begun) }
	}, func(w *world) {
		c := w.login()
		c.begin("STOR f").Close()
		c.expect(226)
		c.epsv()
		c.cmd(150, "STOR g")
		c.expect(425)
		require.Equal(t, []bool{true, false}, begun)
		w.missing("/g")
		c.quit()
	})
}
