//go:build unix

package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// phpWalk collects the paths from ftp_rawlist's recursive form, as PHP programs do: a line
// that ends with a colon names the folder of the lines that follow.
const phpWalk = `
$c = ftp_connect("127.0.0.1", (int) getenv("PORT"));
ftp_login($c, "walker", getenv("PASSWORD")) || exit(1);
ftp_pasv($c, true);
$dir = "";
foreach (ftp_rawlist($c, ".", true) as $line) {
	if ($line === "") continue;
	if (substr($line, -1) === ":") { $dir = substr($line, 0, -1); continue; }
	echo $dir, "/", preg_split('/\s+/', $line, 9)[8], "\n";
}
echo "--\n";
foreach (ftp_nlist($c, "-R") as $name) echo "./", $name, "\n";
`

// Clients that send LIST -R get the same as ls -lR prints.
func TestClientsReadARecursiveListing(t *testing.T) {
	s := newSite(t, newAuthority(t), plain,
		func(srv *paradise.Server) { srv.Auth = paradise.Accounts{"walker": password} })
	want := []string{"./a b.txt", "./sub", "./sub/deep", "./sub/deep/x.txt", "./sub/y.txt"}
	for _, name := range []string{"a b.txt", "sub/deep/x.txt", "sub/y.txt"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
		require.NoError(t, os.WriteFile(s.path(name), []byte("x"), 0o644))
	}
	run := func(name, pkg string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), needs.Program(t, name, pkg), args...)
		cmd.Env = append(os.Environ(), "PORT="+s.ports[ipv4], "PASSWORD="+password, "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
		return string(out)
	}
	t.Run("PHP", func(t *testing.T) {
		list, names, _ := strings.Cut(run("php", "php-cli", "-r", phpWalk), "--\n")
		assert.ElementsMatch(t, want, strings.Split(strings.TrimSpace(list), "\n"))
		assert.ElementsMatch(t, want, strings.Split(strings.TrimSpace(names), "\n"))
	})
	t.Run("lftp", func(t *testing.T) {
		out := run("lftp", "lftp", "-c",
			"set ftp:use-mlsd no; open -u walker,'"+password+"' ftp://127.0.0.1:"+s.ports[ipv4]+"; ls -R")
		ls, err := exec.Command("sh", "-c", "cd '"+s.folder+"' && LC_ALL=C ls -R1").Output()
		require.NoError(t, err)
		assert.Equal(t, string(ls), namesOnly(out), "as ls itself")
	})
}

// namesOnly turns the lines of ls -l into those of ls -1.
func namesOnly(listed string) string {
	var b strings.Builder
	for line := range strings.Lines(listed) {
		if len(line) > 52 {
			line = line[52:]
		}
		b.WriteString(line)
	}
	return b.String()
}
