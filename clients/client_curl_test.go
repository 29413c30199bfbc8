//go:build unix

package clients_test

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

// curlClient supports all cells.
func curlClient() *client {
	return &client{
		name: "curl", brings: "curl", missing: programs("curl"),
		open: func(testing.TB) transferer { return curlVisit },
		limits: []limitation{
			{"curl 7.87 and 7.88 do not speak TLS on active connections (curl issue 10666)", clearWhenActive,
				fallsShort(cell{mode: eprt, ip: ipv4, tls: tls13}), nil},
		},
	}
}

// clearWhenActive are the cells that two versions of curl did not support.
func clearWhenActive(at cell) bool {
	out, err := exec.Command("curl", "-q", "--version").Output()
	version := strings.HasPrefix(string(out), "curl 7.87.") || strings.HasPrefix(string(out), "curl 7.88.")
	return err == nil && version && at.mode.active() && at.tls != plain
}

// url returns a virtual name in the form for clients that take URLs.
func (v *visit) url(name string) string {
	scheme := "ftp"
	if v.cell.tls == implicit {
		scheme = "ftps"
	}
	u := url.URL{Scheme: scheme, Host: net.JoinHostPort(v.host, v.port), Path: v.remote + "/" + name}
	return u.String()
}

// curlOptions are options of curl's, one a line, that a cell needs.
func curlOptions(v *visit) string {
	o := []string{
		fmt.Sprintf("user = %q", v.user+":"+password), fmt.Sprintf("cacert = %q", v.ca),
		"silent", "show-error", "globoff", "fail-early", "max-time = 25", "disable",
	}
	switch v.cell.tls {
	case tls12:
		o = append(o, "ssl-reqd", "tlsv1.2", "tls-max = 1.2")
	case tls13:
		o = append(o, "ssl-reqd", "tlsv1.3")
	}
	switch v.cell.mode {
	case pasv:
		o = append(o, "disable-epsv")
	case eprt:
		o = append(o, `ftp-port = "-"`)
	case port:
		o = append(o, `ftp-port = "-"`, "disable-eprt")
	}
	if v.cell.ascii {
		o = append(o, "use-ascii")
	}
	return strings.Join(o, "\n") + "\n"
}

func curlVisit(v *visit) ([]string, error) {
	var up, down []string
	for _, name := range v.names {
		up = append(up, fmt.Sprintf("url = %q\nupload-file = %s\n", v.url(name), curlQuote(v.local(name))))
		down = append(down, fmt.Sprintf("url = %q\noutput = %s\n", v.url(name), curlQuote(v.fetched(name))))
	}
	down = append(down, fmt.Sprintf("url = %q\nlist-only\noutput = %s\n", v.url(""), curlQuote(v.home+"/list")))
	if err := errors.Join(curlRun(v, up), curlRun(v, down)); err != nil {
		return nil, err
	}
	return v.readLines("list")
}

// curlRun runs several operations at once, each on a new connection. On a reused connection
// curl often waits a second, because a 229 arrives before it is ready to connect.
func curlRun(v *visit, ops []string) error {
	options := curlOptions(v)
	if !v.cell.calm {
		options = "parallel\n" + options
	}
	config, err := v.write("curl.conf", options+strings.Join(ops, "next\n"+options))
	if err != nil {
		return err
	}
	_, err = v.run("", "curl", "-q", "-K", config)
	return err
}

// curlQuote writes a string for curl's config file.
func curlQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
