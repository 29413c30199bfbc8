package paradise_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// A server goes by what its fields were when it began to serve.
func TestFieldsThatChangeAfterServeChangeNothing(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Banner = "Before"
		srv.Hosts = map[string]paradise.Host{"a.example": {Banner: "Host before"}}
	}, func(w *world) {
		w.srv.Banner = "After"
		w.srv.Hosts["b.example"] = paradise.Host{}
		w.srv.Hooks.Connect = func(context.Context, *paradise.Session) error { return errors.New("not you") }
		w.srv.Policy.Deny = paradise.PermMkdir
		c := w.dialFrom(clientAddr)
		require.Contains(t, c.expect(220), "Before")
		c.cmd(504, "HOST b.example")
		require.Contains(t, c.cmd(220, "HOST a.example"), "Host before")
		c.cmd(331, "USER auser")
		c.cmd(230, "PASS secret")
		c.cmd(257, "MKD d")
		c.quit()
	})
}
