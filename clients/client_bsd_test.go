//go:build unix

package clients_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tnftpClient is the ftp of BSD, macOS and Debian.
func tnftpClient() *client {
	return &client{
		name: "tnftp", brings: "tnftp", missing: programs("tnftp"),
		open: func(testing.TB) transferer {
			return func(v *visit) ([]string, error) { return bsdVisit(v, "tnftp", "-e") }
		},
		limits: []limitation{
			{"tnftp has no TLS for FTP", needsTLS, programLacks("tnftp", "AUTH TLS"), nil},
		},
	}
}

// inetutilsClient is the ftp of GNU.
func inetutilsClient() *client {
	return &client{
		name: "inetutils-ftp", brings: "inetutils-ftp", missing: programs("inetutils-ftp"),
		open: func(testing.TB) transferer {
			return func(v *visit) ([]string, error) { return bsdVisit(v, "inetutils-ftp", "-e") }
		},
		limits: []limitation{
			{"inetutils-ftp has no TLS", needsTLS, programLacks("inetutils-ftp", "AUTH TLS"), nil},
		},
	}
}

// bsdVisit types the commands of the ftp programs that descend from BSD's.
func bsdVisit(v *visit, program string, args ...string) ([]string, error) {
	script := bsdLogin(v, program)
	script += fmt.Sprintf("lcd %s\n", bsdQuote(v.up))
	for _, name := range v.names {
		script += fmt.Sprintf("put %s %s\n", bsdQuote(v.local(name)), bsdQuote(name))
	}
	script += fmt.Sprintf("nlist . %s\n", bsdQuote(filepath.Join(v.home, "list")))
	for _, name := range v.names {
		script += fmt.Sprintf("get %s %s\n", bsdQuote(name), bsdQuote(v.fetched(name)))
	}
	args = append(args, "-n", "-i", "-g", "-v", bsdDirection(v), v.host, v.port)
	out, err := v.run(script+"quit\n", program, args...)
	if err != nil {
		return nil, err
	}
	names, err := v.readLines("list")
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	if missing := v.notFetched(); missing != "" {
		return nil, fmt.Errorf("%q was not fetched:\n%s", missing, out)
	}
	return bases(names), nil
}

// bsdDirection is the option for active or passive mode.
func bsdDirection(v *visit) string {
	if v.cell.mode.active() {
		return "-A"
	}
	return "-p"
}

// bsdLogin returns the commands before the first transfer.
func bsdLogin(v *visit, program string) string {
	script := fmt.Sprintf("user %s %s\n", v.user, bsdQuote(password))
	if old := v.cell.mode == pasv || v.cell.mode == port; old == (program == "tnftp") {
		script += "epsv4\n" // a toggle: on in tnftp, off in inetutils-ftp
	}
	script += "cd " + bsdQuote(v.remote) + "\n"
	if v.cell.ascii {
		return script + "ascii\n"
	}
	return script + "binary\n"
}

// bsdQuote quotes a word. A backslash escapes any character, but none inside quotes.
func bsdQuote(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte("\\\"' ~!|$*?[]{}", s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// notFetched is a name that did not arrive; the old programs end well in any
// case.
func (v *visit) notFetched() string {
	for _, name := range v.names {
		if _, err := os.Stat(v.fetched(name)); err != nil {
			return name
		}
	}
	return ""
}

// readLines reads a listing that a client wrote into its home.
func (v *visit) readLines(name string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(v.home, name))
	return lines(string(text)), err
}
