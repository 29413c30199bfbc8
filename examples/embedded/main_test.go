package main

import (
	"context"
	"io"
	"net"
	"net/http"
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
