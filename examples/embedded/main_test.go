package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

// A file that came by FTP is on the web, and one signal stops both servers.
func TestFTPBesideHTTP(t *testing.T) {
	dir := t.TempDir()
	srv, err := ftpServer(dir)
	require.NoError(t, err)
	fl, wl := listen(t), listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, srv, fl, webServer(dir), wl) }()

	c, err := ftp.Dial(fl.Addr().String())
	require.NoError(t, err)
	require.NoError(t, c.Login("auser", "secret"))
	require.NoError(t, c.Stor("hello.txt", strings.NewReader("hello")))
	require.NoError(t, c.Quit())

	res, err := http.Get("http://" + wl.Addr().String() + "/hello.txt")
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(body))

	http.DefaultClient.CloseIdleConnections()
	cancel()
	assert.NoError(t, <-served)
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	srv, err := ftpServer(t.TempDir())
	require.NoError(t, err)
	srv.Limits.FailedDelay = -1
	l := listen(t)
	go srv.Serve(l)
	t.Cleanup(func() { assert.NoError(t, srv.Close()) })
	c, err := ftp.Dial(l.Addr().String())
	require.NoError(t, err)
	assert.ErrorContains(t, c.Login("auser", "guess"), "530")
}

func TestTheFolderMustExist(t *testing.T) {
	_, err := ftpServer(t.TempDir() + "/missing")
	assert.Error(t, err)
}

// The monitor is behind the login of the web service.
func TestTheStaffSeesTheServerAndItsOperatorsAct(t *testing.T) {
	srv, err := ftpServer(t.TempDir())
	require.NoError(t, err)
	fl := listen(t)
	go srv.Serve(fl)
	t.Cleanup(func() { assert.NoError(t, srv.Close()) })
	web := webServer(t.TempDir())
	require.NoError(t, addMonitor(web, srv, staff{"boss": {"a", true}, "guest": {"b", false}}))
	ws := httptest.NewServer(web.Handler)
	t.Cleanup(ws.Close)

	c, err := ftp.Dial(fl.Addr().String())
	require.NoError(t, err)
	require.NoError(t, c.Login("auser", "secret"))
	ask := func(method, path, name, password string) (int, string) {
		r, err := http.NewRequest(method, ws.URL+path, nil)
		require.NoError(t, err)
		if name != "" {
			r.SetBasicAuth(name, password)
		}
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(body)
	}
	for _, who := range [][2]string{{"", ""}, {"guest", "a"}, {"stranger", ""}, {"", "a"}} {
		code, _ := ask("GET", "/ftp/", who[0], who[1])
		assert.Equal(t, http.StatusUnauthorized, code, who)
	}
	code, text := ask("GET", "/ftp/", "guest", "b")
	assert.Equal(t, http.StatusOK, code)
	assert.Contains(t, text, "auser")
	kick := fmt.Sprintf("/ftp/sessions/%d/kick", srv.Stats().Sessions[0].ID)
	code, _ = ask("POST", kick, "guest", "b")
	assert.Equal(t, http.StatusForbidden, code)
	assert.NoError(t, c.NoOp())
	code, _ = ask("POST", kick, "boss", "a")
	assert.Equal(t, http.StatusNoContent, code)
	assert.Error(t, c.NoOp())
}
