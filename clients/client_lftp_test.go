//go:build unix

package clients_test

import (
	"fmt"
	"strings"
	"testing"
)

// lftpClient uses PORT on IPv4 and EPRT on IPv6.
func lftpClient() *client {
	return &client{
		name: "lftp", brings: "lftp", missing: programs("lftp"),
		open: func(testing.TB) transferer { return lftpVisit },
		limits: []limitation{
			{"lftp opens active connections on IPv4 by PORT only", eprtOnIPv4,
				fallsShort(cell{mode: eprt, ip: ipv4, tls: plain}), nil},
		},
	}
}

// lftpScript is the start of a script: the cell's settings and the login.
func lftpScript(v *visit) string {
	set := []string{
		"cmd:fail-exit yes", "net:max-retries 1", "net:timeout 20", "net:reconnect-interval-base 1",
		"ssl:verify-certificate yes", "ssl:ca-file " + lftpQuote(v.ca), "ftp:sync-mode off",
		fmt.Sprintf("ftp:passive-mode %v", !v.cell.mode.active()), fmt.Sprintf("ftp:prefer-epsv %v", v.cell.mode == epsv),
		"ftp:ssl-protect-data yes", "ftp:ssl-protect-list yes", "xfer:log no",
	}
	switch v.cell.tls {
	case plain:
		set = append(set, "ftp:ssl-allow no")
	case tls12:
		set = append(set, "ftp:ssl-force yes", `ssl:priority "NORMAL:-VERS-ALL:+VERS-TLS1.2"`)
	case tls13:
		set = append(set, "ftp:ssl-force yes", `ssl:priority "NORMAL:-VERS-ALL:+VERS-TLS1.3"`)
	}
	scheme := "ftp"
	if v.cell.tls == implicit {
		scheme = "ftps"
	}
	return "set " + strings.Join(set, "\nset ") + "\n" +
		fmt.Sprintf("open -u %s,%s %s://%s:%s\ncd %s\n", v.user, lftpQuote(password), scheme, v.bracketed(), v.port,
			lftpQuote(v.remote))
}

// lftpQuote quotes a word for lftp's shell.
func lftpQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func lftpVisit(v *visit) ([]string, error) {
	script := lftpScript(v)
	put, get := "put", "get"
	if v.cell.ascii {
		put, get = "put -a", "get -a"
		script += "quote TYPE A\n" // which lftp leaves out where it is RFC 959's default
	}
	for _, name := range v.names {
		script += fmt.Sprintf("%s %s -o %s\n", put, lftpQuote(v.local(name)), lftpQuote("./"+name))
	}
	script += "cls -1 > " + lftpQuote(v.home+"/list") + "\n"
	for _, name := range v.names {
		script += fmt.Sprintf("%s %s -o %s\n", get, lftpQuote("./"+name), lftpQuote(v.fetched(name)))
	}
	if err := lftpRun(v, script); err != nil {
		return nil, err
	}
	names, err := v.readLines("list")
	return bases(names), err // ~name is listed as ./~name
}

// lftpRun runs a script.
func lftpRun(v *visit, script string) error {
	file, err := v.write("script", script+"bye\n")
	if err != nil {
		return err
	}
	_, err = v.run("", "lftp", "--norc", "-f", file)
	return err
}
