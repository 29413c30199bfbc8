//go:build unix

package clients_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script is a program of testdata, by its absolute path: clients run elsewhere.
func script(t testing.TB, name string) string {
	file, err := filepath.Abs(filepath.Join("testdata", name))
	require.NoError(t, err)
	return file
}

// pythonClient is ftplib, which supports all cells with a few lines of help.
func pythonClient() *client {
	return &client{
		name: "ftplib", brings: "python3", missing: programs("python3"),
		endsLines: true, // storlines does
		open:      func(t testing.TB) transferer { return startPython(t).visit },
	}
}

func startPython(t testing.TB) *helper {
	return startHelper(t, nil, "python3", "-u", script(t, "visits.py"))
}

// nodeClient is the library of most JavaScript programs.
func nodeClient() *client {
	return &client{
		name: "basic-ftp", brings: "nodejs, and basic-ftp of npm", crlf: true,
		missing: func() error {
			_, err := nodeModules()
			return err
		},
		open: func(t testing.TB) transferer {
			modules, err := nodeModules()
			require.NoError(t, err)
			return startHelper(t, []string{"NODE_PATH=" + modules}, "node", script(t, "visits.js")).visit
		},
		limits: []limitation{
			{"basic-ftp has no active mode", needsActive, nodeLacks("EPRT"), nil},
			{
				"basic-ftp ends an empty upload before the handshake when it offers to resume TLS: getCipher tells it too early that it may begin",
				needsTLS, nodeHas("getCipher() !== undefined"), isEmpty,
			},
		},
	}
}

func isEmpty(_ string, data []byte) bool { return len(data) == 0 }

// nodeLacks and nodeHas look at basic-ftp's sources.
func nodeLacks(word string) proof {
	return func(t *testing.T, _ *client, _ map[tlsMode]*site) {
		assert.NotContains(t, nodeSource(t), word, "fill the n/a cells of basic-ftp")
	}
}

func nodeHas(word string) proof {
	return func(t *testing.T, _ *client, _ map[tlsMode]*site) {
		assert.Contains(t, nodeSource(t), word, "fill the n/a cells of basic-ftp")
	}
}

func nodeSource(t *testing.T) string {
	modules, err := nodeModules()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(modules, "basic-ftp", "dist", "*.js"))
	require.NoError(t, err)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	require.Contains(t, all.String(), "EPSV")
	return all.String()
}

// nodeModules is the folder that has basic-ftp: PARADISE_NODE_MODULES, or npm's
// own.
func nodeModules() (string, error) {
	folder := os.Getenv("PARADISE_NODE_MODULES")
	if _, err := exec.LookPath("node"); err != nil {
		return "", err
	}
	if folder == "" {
		out, err := exec.Command("npm", "root", "-g").Output()
		if err != nil {
			return "", fmt.Errorf("npm root -g: %w", err)
		}
		folder = strings.TrimSpace(string(out))
	}
	_, err := os.Stat(filepath.Join(folder, "basic-ftp", "package.json"))
	return folder, err
}

// commonsNet is where Debian puts the library.
const commonsNet = "/usr/share/java/commons-net.jar"

// javaClient is the library of most Java programs.
func javaClient() *client {
	return &client{
		name: "commons-net", brings: "default-jdk-headless and libcommons-net-java",
		missing: func() error {
			_, err := os.Stat(commonsNet)
			return errors.Join(programs("java", "javac")(), err)
		},
		open: func(t testing.TB) transferer {
			return startHelper(t, nil, "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", commonsNet,
				script(t, "Visits.java")).visit
		},
		limits: []limitation{
			{"commons-net opens active connections on IPv4 by PORT only", eprtOnIPv4,
				fallsShort(cell{mode: eprt, ip: ipv4, tls: plain}), nil},
		},
	}
}
