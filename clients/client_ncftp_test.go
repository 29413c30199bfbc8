//go:build unix

package clients_test

import (
	"fmt"
	"testing"
)

// ncftpClient speaks the FTP of RFC 959 only.
func ncftpClient() *client {
	return &client{
		name: "ncftp", brings: "ncftp", missing: programs("ncftpput", "ncftpget", "ncftpls"),
		open: func(testing.TB) transferer { return ncftpVisit },
		limits: []limitation{
			{"ncftp has no TLS", needsTLS, programLacks("ncftpput", "AUTH TLS"), nil},
			{"ncftp has no EPSV and no EPRT, so no IPv6", extended, programLacks("ncftpput", "EPSV"), nil},
			{"ncftp says no TYPE for ASCII, the default of RFC 959; bytes then move unchanged, but for Policy.ASCIIDefault",
				needsASCII, saysNoType, nil},
		},
	}
}

// ncftpArgs are the options of a cell; the programs of the family share them.
func ncftpArgs(v *visit, more ...string) []string {
	args := []string{"-u", v.user, "-p", password, "-P", v.port, "-t", "20", "-r", "1"}
	if v.cell.mode.active() {
		args = append(args, "-E")
	} else {
		args = append(args, "-F")
	}
	return append(args, more...)
}

func ncftpVisit(v *visit) ([]string, error) {
	kind := []string{"-V"}
	if v.cell.ascii {
		kind = append(kind, "-a")
	}
	for _, name := range v.names {
		args := ncftpArgs(v, append(kind, "-C", v.host, v.local(name), v.remote+"/"+name)...)
		if _, err := v.run("", "ncftpput", args...); err != nil {
			return nil, err
		}
	}
	list, err := v.run("", "ncftpls", ncftpArgs(v, "-1", fmt.Sprintf("ftp://%s%s/", v.host, v.remote))...)
	if err != nil {
		return nil, err
	}
	for _, name := range v.names {
		args := ncftpArgs(v, append(kind, "-C", v.host, v.remote+"/"+name, v.fetched(name))...)
		if _, err := v.run("", "ncftpget", args...); err != nil {
			return nil, err
		}
	}
	return lines(list), nil
}
