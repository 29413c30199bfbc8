//go:build unix

package clients_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// refused makes a client ask for files that it does not get, in one session if it can:
// "nope", "nope/small.bin", and "big.bin", which is too large. Between and after these it
// downloads "there.bin". It returns what the client shows to its user.
type refused func(v *visit) (said string, err error)

// refusalsOf has an entry for every client of the matrix; says is the text that the client
// must show.
func refusalsOf(c *client, t testing.TB) (try refused, says []string) {
	told := []string{"550", "552"}
	switch c.name {
	case "curl":
		return curlRefused, told
	case "lftp":
		return lftpRefused, told
	case "tnftp", "inetutils-ftp":
		return func(v *visit) (string, error) { return bsdRefused(v, c.name) }, told
	case "ncftp":
		return ncftpRefused, []string{"No such file", "could not send file"}
	case "wget":
		return wgetRefused, []string{"No such file"}
	case "jlaffaye":
		return goRefused, told
	case "rclone":
		return rcloneRefused(t), []string{"not found", "552"}
	case "ftplib":
		return helperRefused(startPython(t)), told
	case "basic-ftp":
		modules, err := nodeModules()
		require.NoError(t, err)
		return helperRefused(startHelper(t, []string{"NODE_PATH=" + modules}, "node", script(t, "visits.js"))), told
	case "commons-net":
		java := []string{"-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", commonsNet, script(t, "Visits.java")}
		return helperRefused(startHelper(t, nil, "java", java...)), told
	case "php":
		return helperRefused(startPHP(t, "extension")), []string{"No such file", "too large"}
	case "php-streams":
		return helperRefused(startPHP(t, "streams")), []string{"550"}
	case "wordpress":
		return helperRefused(startPHP(t, wordpressClass())), told
	case "ruby":
		return helperRefused(startRuby(t)), told
	case "perl":
		return helperRefused(startPerl(t)), told
	case "pyfilesystem":
		return helperRefused(startPyFilesystem(t)), []string{"not found", "too large"}
	case "mono":
		return helperRefused(startMono(t)), told
	case "ffmpeg":
		return ffmpegRefused, nil
	}
	t.Fatalf("%s has no refusals", c.name)
	return nil, nil
}

// broken are texts of clients that mistake a refusal for a broken network.
var broken = regexp.MustCompile(`(?i)reset|ECONN|EPIPE|broken pipe|unexpected eof|connection (was )?closed|timed? ?out`)

// A client whose transfer is refused tells its user, in the server's words if it has no
// better ones, and goes on in the same session.
func TestRefusalsAreRead(t *testing.T) {
	sites := newSites(t, allTLS, func(srv *paradise.Server) { srv.Policy.MaxFileSize = 1 << 20 })
	for _, c := range allClients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.need(t)
			try, says := refusalsOf(c, t)
			for _, at := range allCells() {
				if at.ip == ipv6 || at.ascii || c.limited(at) {
					continue
				}
				t.Run(at.String(), func(t *testing.T) {
					there := noise(4, 3000)
					files := newFileSet(t, map[string][]byte{"small.bin": noise(5, 70_000), "big.bin": noise(6, 5<<20)})
					s := sites[at.tls]
					v := s.visit(t, c, at, files)
					require.NoError(t, os.WriteFile(filepath.Join(s.path(v.remote), "there.bin"), there, 0o600))
					s.seen.reset(c.name)
					said, err := try(v)
					explain := said + "\n" + s.seen.seen(c.name).String()
					require.NoError(t, err, explain)
					for _, word := range says {
						assert.Contains(t, said, word, explain)
					}
					assert.NotRegexp(t, broken, said, explain)
					check(t, v.fetched("there.bin"), there, explain)
				})
			}
		})
	}
}

// helperRefused runs refused with a helper program.
func helperRefused(h *helper) refused {
	return func(v *visit) (string, error) {
		said, err := h.op("refusals", v)
		return strings.Join(said, "\n"), err
	}
}

// output returns what a program has printed. It ignores that the program failed, because
// that is expected after a refusal.
func (v *visit) output(input, name string, args ...string) string {
	out, _ := v.run(input, name, args...)
	return out
}

func curlRefused(v *visit) (string, error) {
	options := strings.ReplaceAll(curlOptions(v), "fail-early\n", "")
	get := func(name string) string {
		return fmt.Sprintf("url = %q\noutput = %s\n", v.url(name), curlQuote(v.fetched(name)))
	}
	put := func(name, file string) string {
		return fmt.Sprintf("url = %q\nupload-file = %s\n", v.url(name), curlQuote(v.local(file)))
	}
	ops := []string{get("nope"), put("nope/small.bin", "small.bin"), put("big.bin", "big.bin"), get("there.bin")}
	config, err := v.write("curl.conf", options+strings.Join(ops, "next\n"+options))
	if err != nil {
		return "", err
	}
	return v.output("", "curl", "-q", "-K", config, "--verbose"), nil
}

func lftpRefused(v *visit) (string, error) {
	script := strings.Replace(lftpScript(v), "cmd:fail-exit yes", "cmd:fail-exit no", 1)
	there := fmt.Sprintf("get there.bin -o %s\n", lftpQuote(v.fetched("there.bin")))
	script += fmt.Sprintf("get nope -o %s\n", lftpQuote(v.fetched("nope")))
	script += fmt.Sprintf("put %s -o nope/small.bin\n", lftpQuote(v.local("small.bin")))
	script += fmt.Sprintf("put %s -o big.bin\n", lftpQuote(v.local("big.bin")))
	file, err := v.write("script", script+there+"bye\n")
	if err != nil {
		return "", err
	}
	return v.output("", "lftp", "--norc", "-f", file), nil
}

func bsdRefused(v *visit, program string) (string, error) {
	there := fmt.Sprintf("get there.bin %s\n", bsdQuote(v.fetched("there.bin")))
	script := bsdLogin(v, program)
	script += fmt.Sprintf("get nope %s\n", bsdQuote(v.fetched("nope"))) + there
	script += fmt.Sprintf("put %s nope/small.bin\n", bsdQuote(v.local("small.bin"))) + there
	script += "dir nope\n" + there
	script += fmt.Sprintf("put %s big.bin\n", bsdQuote(v.local("big.bin"))) + there
	return v.output(script+"quit\n", program, "-e", "-n", "-i", "-g", "-v", bsdDirection(v), v.host, v.port), nil
}

func ncftpRefused(v *visit) (string, error) {
	said := v.output("", "ncftpget", ncftpArgs(v, "-V", v.host, v.down, v.remote+"/nope", v.remote+"/there.bin")...)
	said += v.output("", "ncftpput", ncftpArgs(v, "-V", "-C", v.host, v.local("small.bin"), v.remote+"/nope/small.bin")...)
	return said + v.output("", "ncftpput", ncftpArgs(v, "-V", "-C", v.host, v.local("big.bin"), v.remote+"/big.bin")...),
		nil
}

func wgetRefused(v *visit) (string, error) {
	args := append(wgetArgs(v), "-P", v.down, wgetURL(v, "nope"), wgetURL(v, "there.bin"))
	return v.output("", "wget", args...), nil
}

func goRefused(v *visit) (said string, err error) {
	c, err := goLogin(v)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Quit()) }()
	if err := c.ChangeDir(v.remote); err != nil {
		return "", err
	}
	for _, attempt := range []func() error{
		func() error { return goGet(c, "nope", v.fetched("nope")) },
		func() error { _, err := c.NameList("nope"); return err },
		func() error { return goPut(c, v.local("small.bin"), "nope/small.bin") },
		func() error { return goPut(c, v.local("big.bin"), "big.bin") },
	} {
		said += fmt.Sprintln(attempt())
		if err := goGet(c, "there.bin", v.fetched("there.bin")); err != nil {
			return said, err
		}
	}
	return said, nil
}

func rcloneRefused(t testing.TB) refused {
	hidden := strings.TrimSpace((&visit{t: t, home: t.TempDir()}).output("", "rclone", "obscure", password))
	return func(v *visit) (string, error) {
		said := ""
		for _, args := range [][]string{
			{"copyto", ":ftp:" + v.remote + "/nope", v.fetched("nope")},
			{"copyto", v.local("big.bin"), ":ftp:" + v.remote + "/big.bin"},
			{"copyto", ":ftp:" + v.remote + "/there.bin", v.fetched("there.bin")},
		} {
			out, _ := rcloneRun(v, hidden, args...)
			said += out
		}
		return said, nil
	}
}
