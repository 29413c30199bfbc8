package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ready runs the health check of a container.
func (p *program) ready() bool {
	return healthcheck([]string{"-ready", "-monitor", p.monitor}, os.Stderr) == nil
}

func TestARootThatIsReplacedIsServedAnew(t *testing.T) {
	p := launch(t, "-user", "auser:secret")
	c := p.login()
	slow := p.upload(p.login(), "slow")
	require.NoError(t, os.Rename(p.root, p.root+"-away"))
	require.NoError(t, os.Mkdir(p.root, 0o755))
	require.NoError(t, p.login().Stor("new", strings.NewReader("x")))
	require.NoError(t, c.Stor("also", strings.NewReader("x")), "a session that was there before")
	assert.FileExists(t, filepath.Join(p.root, "new"))
	assert.FileExists(t, filepath.Join(p.root, "also"))
	require.ErrorContains(t, slow.finish(), "451")
	assert.NoFileExists(t, p.root+"-away/slow")
	assert.True(t, p.ready())
	p.logged("the path names another folder", 1)
}

func TestARootThatIsGoneIsToldUntilItIsBack(t *testing.T) {
	for kind, args := range map[string][]string{"one for all": nil, "a home each": {"-own-homes"}} {
		t.Run(kind, func(t *testing.T) {
			p := launch(t, append(args, "-user", "auser:secret")...)
			c := p.login()
			require.True(t, p.ready())
			require.NoError(t, os.Rename(p.root, p.root+"-away"))
			p.logged(`level=ERROR msg="osfs: the folder cannot be served"`, 1) // although no client uses it
			p.until("it is not ready", func() bool { return !p.ready() })
			require.ErrorContains(t, c.Stor("f", strings.NewReader("x")), "451")
			r, err := http.Get("http://" + p.monitor + "/healthz")
			require.NoError(t, err)
			require.NoError(t, r.Body.Close())
			assert.Equal(t, http.StatusOK, r.StatusCode, "a restart would mend nothing")

			require.NoError(t, syscall.Kill(p.pid(), syscall.SIGHUP))
			p.logged("configuration loaded", 1)
			assert.NoDirExists(t, p.root, "to make it is not for us: a disk may be missing")
			require.NoError(t, os.Rename(p.root+"-away", p.root))
			p.until("it is ready", p.ready)
			require.NoError(t, c.Stor("f", strings.NewReader("x")))
			p.logged("the folder is served again", 1)
		})
	}
}

func TestAHomeBelowAReplacedRootIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "paradise.toml")
	elsewhere := filepath.Join(dir, "elsewhere")
	require.NoError(t, os.WriteFile(file, []byte(`
[accounts.ann]
password = "`+bcryptOfSecret+`"
home = "ann"
[accounts.bob]
password = "`+bcryptOfSecret+`"
home = "`+elsewhere+`"
`), 0o600))
	p := launch(t, "-user", "auser:secret", "-config", file)
	as := func(name string) *ftp.ServerConn {
		c, err := ftp.Dial(p.addr, ftp.DialWithTimeout(patience))
		require.NoError(t, err)
		t.Cleanup(func() { c.Quit() })
		require.NoError(t, c.Login(name, "secret"))
		return c
	}
	require.NoError(t, as("ann").Stor("f", strings.NewReader("x")))
	require.NoError(t, os.Rename(p.root, p.root+"-away"))
	require.NoError(t, os.Mkdir(p.root, 0o755))
	require.NoError(t, as("ann").Stor("g", strings.NewReader("x")))
	assert.FileExists(t, filepath.Join(p.root, "ann/g"))

	require.NoError(t, as("bob").Stor("f", strings.NewReader("x")))
	require.NoError(t, os.Rename(elsewhere, elsewhere+"-away"))
	require.ErrorContains(t, as("bob").Stor("g", strings.NewReader("x")), "451")
	p.until("it is not ready", func() bool { return !p.ready() })
	assert.NoDirExists(t, elsewhere)
	require.NoError(t, os.Rename(elsewhere+"-away", elsewhere))
	require.NoError(t, as("bob").Stor("g", strings.NewReader("x")))
	p.until("it is ready", p.ready)
}
