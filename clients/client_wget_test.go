//go:build unix

package clients_test

import (
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wgetClient only downloads.
func wgetClient() *client {
	return &client{
		name: "wget", brings: "wget", missing: programs("wget"),
		noPut: true, crlf: true,
		open: func(testing.TB) transferer { return wgetVisit },
		limits: []limitation{
			{"wget has no option for EPSV and EPRT on IPv4", extendedOnIPv4, helpLacks("epsv", "wget", "--help"), nil},
			{"wget loses spaces at the begin of a name in LIST", anyCell, breaks(" leading space"), leadingSpace},
		},
	}
}

func leadingSpace(name string, _ []byte) bool { return strings.HasPrefix(name, " ") }

// wgetArgs are the options of a cell.
func wgetArgs(v *visit) []string {
	args := []string{
		"--no-config", "-nv", "--tries=1", "--timeout=20", "--no-proxy", "--no-remove-listing",
		"--ftp-user=" + v.user, "--ftp-password=" + password, "--ca-certificate=" + v.ca,
	}
	if v.cell.mode.active() {
		args = append(args, "--no-passive-ftp")
	}
	switch v.cell.tls {
	case tls12:
		args = append(args, "--secure-protocol=TLSv1_2")
	case tls13:
		args = append(args, "--secure-protocol=TLSv1_3")
	case implicit:
		args = append(args, "--ftps-implicit")
	}
	return args
}

// wgetURL is a URL in wget's terms: ftps for any kind of TLS, and ";" begins a
// parameter.
func wgetURL(v *visit, name string) string {
	u := strings.ReplaceAll(v.url(name), ";", "%3B")
	if v.cell.tls != plain {
		u = "ftps" + strings.TrimPrefix(strings.TrimPrefix(u, "ftps"), "ftp")
	}
	return u
}

func wgetVisit(v *visit) ([]string, error) {
	for _, name := range v.names {
		u := wgetURL(v, name)
		if v.cell.ascii {
			u += ";type=a"
		}
		if _, err := v.run("", "wget", append(wgetArgs(v), "-O", v.fetched(name), u)...); err != nil {
			return nil, err
		}
	}
	if _, err := v.run("", "wget",
		append(wgetArgs(v), "-O", filepath.Join(v.home, "index"), wgetURL(v, ""))...); err != nil {
		return nil, err
	}
	index, err := os.ReadFile(filepath.Join(v.home, "index"))
	var names []string
	for _, link := range strings.Split(string(index), `<a href="`)[1:] {
		_, text, _ := strings.Cut(link, `">`)
		text, _, _ = strings.Cut(text, "</a>")
		if text != "" && !strings.HasSuffix(text, "/") {
			names = append(names, html.UnescapeString(text))
		}
	}
	return names, err
}
