//go:build unix

package clients_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/needs"
)

// deployTool is the path of the engine of a widely used deploy action, as npm installs it.
const deployTool = "@samkirkland/ftp-deploy/dist/cli.js"

// ftp-deploy first asks for its state, which does not exist yet, over a data connection that
// it has already opened. It goes on only if it can read the refusal. The second deployment
// finds the state and uploads only the changes.
func TestFirstDeployment(t *testing.T) {
	modules, err := nodeModules()
	tool := filepath.Join(modules, deployTool)
	if err == nil {
		_, err = os.Stat(tool)
	}
	needs.That(t, err == nil,
		fmt.Sprintf("ftp-deploy is not installed (nodejs, and @samkirkland/ftp-deploy of npm): %v", err))
	c := nodeClient()
	for mode, protocol := range map[tlsMode]string{plain: "ftp", tls12: "ftps", tls13: "ftps", implicit: "ftps-legacy"} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newAuthority(t), mode, nil)
			files := newFileSet(t, map[string][]byte{"index.html": []byte("<h1>first</h1>"), "photo.jpg": noise(1, 200_000)})
			v := s.visit(t, c, cell{mode: epsv, ip: ipv4, tls: mode}, files)
			deploy := func() string {
				out, err := v.run("", "node", tool, "--server", v.host, "--port", v.port, "--protocol", protocol,
					"--username", v.user, "--password", password, "--local-dir", v.up+"/", "--server-dir", "."+v.remote+"/site/")
				require.NoError(t, err, s.seen.seen(c.name))
				return out
			}
			assert.Contains(t, deploy(), "this must be your first publish")
			check(t, s.remoteFile(v, "site/index.html"), []byte("<h1>first</h1>"), "first")
			check(t, s.remoteFile(v, "site/photo.jpg"), noise(1, 200_000), "first")

			require.NoError(t, os.WriteFile(v.local("index.html"), []byte("<h1>second</h1>"), 0o600))
			assert.Contains(t, deploy(), "Last published on")
			check(t, s.remoteFile(v, "site/index.html"), []byte("<h1>second</h1>"), "second")
		})
	}
}
