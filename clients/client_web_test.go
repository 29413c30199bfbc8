//go:build unix

package clients_test

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paradiseftp/paradise"
)

// startPHP runs visits.php with the ftp extension and no other, so that WordPress's
// class does without sockets too.
func startPHP(t testing.TB, with string) *helper {
	return startHelper(t, nil, "php", "-n", "-d", "extension=ftp", "-d", "enable_dl=0", script(t, "visits.php"), with)
}

// phpClient is PHP's own extension, which content management systems deploy with.
func phpClient() *client {
	return &client{
		name: "php", brings: "php-cli", missing: programs("php"),
		open: func(t testing.TB) transferer { return startPHP(t, "extension").visit },
		limits: []limitation{
			{"PHP's ftp extension says EPSV and EPRT on IPv6 only", extendedOnIPv4,
				fallsShort(cell{mode: epsv, ip: ipv4, tls: plain}), nil},
			{"PHP's ftp extension has no implicit TLS", implicitOnly,
				fallsShort(cell{mode: epsv, ip: ipv6, tls: implicit}), nil},
		},
	}
}

// phpStreamsClient is PHP's ftp:// and ftps:// in the place of file names.
func phpStreamsClient() *client {
	return &client{
		name: "php-streams", brings: "php-cli", missing: programs("php"),
		open: func(t testing.TB) transferer { return startPHP(t, "streams").visit },
		limits: []limitation{
			{"PHP's ftp:// says EPSV only", notBy(epsv), fallsShort(cell{mode: pasv, ip: ipv4, tls: plain}), nil},
			{"PHP's ftp:// has no ASCII type", needsASCII, fallsShort(cell{mode: epsv, ip: ipv4, tls: plain, ascii: true}), nil},
			{"PHP's ftps:// has no TLS 1.3", tls13Only, fallsShort(cell{mode: epsv, ip: ipv4, tls: tls13}), nil},
			{"PHP's ftp:// takes # and ? for the end of a name", anyCell, breaks("a?b"), hasAny("#?")},
			{"PHP's ftps:// is explicit TLS", implicitOnly, fallsShort(cell{mode: epsv, ip: ipv4, tls: implicit}), nil},
		},
	}
}

// wordpressFolder is where Debian puts the class, unless PARADISE_WORDPRESS says
// another.
const wordpressFolder = "/usr/share/wordpress/wp-admin/includes"

func wordpressClass() string {
	return filepath.Join(cmp.Or(os.Getenv("PARADISE_WORDPRESS"), wordpressFolder), "class-ftp.php")
}

// wordpressClient is the class in plain PHP that WordPress falls back to where the
// host's PHP has no ftp extension. Many plugins and other systems bring a copy.
func wordpressClient() *client {
	class := wordpressClass()
	return &client{
		name: "wordpress", brings: "php-cli and wordpress",
		missing: func() error {
			_, err := os.Stat(class)
			return errors.Join(programs("php")(), err)
		},
		open: func(t testing.TB) transferer { return startPHP(t, class).visit },
		limits: []limitation{
			{"WordPress's class says PASV only", notBy(pasv), fallsShort(cell{mode: port, ip: ipv4, tls: plain}), nil},
			{"WordPress's class has no TLS", needsTLS, fallsShort(cell{mode: pasv, ip: ipv4, tls: tls12}), nil},
		},
	}
}

// rubyClient is Ruby's own library.
func rubyClient() *client {
	return &client{
		name: "ruby", brings: "ruby", missing: programs("ruby"),
		endsLines: true, // puttextfile does
		open:      func(t testing.TB) transferer { return startRuby(t).visit },
		limits: []limitation{
			{"Ruby's Net::FTP says EPSV and EPRT on IPv6 only", extendedOnIPv4,
				fallsShort(cell{mode: epsv, ip: ipv4, tls: plain}), nil},
			{"Ruby's Net::FTP has no implicit TLS before 3.3", implicitOnly,
				fallsShort(cell{mode: epsv, ip: ipv6, tls: implicit}), nil},
		},
	}
}

func startRuby(t testing.TB) *helper { return startHelper(t, nil, "ruby", script(t, "visits.rb")) }

// perlClient is Perl's own library.
func perlClient() *client {
	return &client{
		name: "perl", brings: "libio-socket-ssl-perl",
		missing: func() error { return hasPerlModule("IO/Socket/SSL.pm") },
		open:    func(t testing.TB) transferer { return startPerl(t).visit },
		limits: []limitation{
			{"Perl's Net::FTP says EPSV and EPRT on IPv6 only", extendedOnIPv4,
				fallsShort(cell{mode: epsv, ip: ipv4, tls: plain}), nil},
		},
	}
}

func startPerl(t testing.TB) *helper { return startHelper(t, nil, "perl", script(t, "visits.pl")) }

func hasPerlModule(file string) error {
	if err := programs("perl")(); err != nil {
		return err
	}
	_, err := os.Stat(filepath.Join("/usr/share/perl5", file))
	return err
}

// pyfilesystemClient is ftplib below an interface for file systems of all kinds.
func pyfilesystemClient() *client {
	return &client{
		name: "pyfilesystem", brings: "python3-fs",
		missing: func() error {
			_, err := os.Stat("/usr/lib/python3/dist-packages/fs/ftpfs.py")
			return err
		},
		open: func(t testing.TB) transferer { return startPyFilesystem(t).visit },
		// What is written into an opened file has no close_notify; upload() says it.
		policy: func(p *paradise.Policy) { p.AllowUnclosedTLS = true },
		limits: []limitation{
			{"PyFilesystem says PASV on IPv4 and EPSV on IPv6", notOldestPassive,
				fallsShort(cell{mode: epsv, ip: ipv4, tls: plain}), nil},
			{"PyFilesystem has no ASCII type", needsASCII, fallsShort(cell{mode: pasv, ip: ipv4, tls: plain, ascii: true}), nil},
			{"PyFilesystem has no implicit TLS", implicitOnly, fallsShort(cell{mode: pasv, ip: ipv4, tls: implicit}), nil},
			{"PyFilesystem loses spaces around a name", anyCell, breaks(" leading space"), outerSpace},
			{"PyFilesystem loses what stands before a semicolon in a name", anyCell, breaks("#hash;semi.bin"), hasAny(";")},
			{"PyFilesystem makes no empty file by opening it", anyCell, losesEmpty, isEmpty},
		},
	}
}

func startPyFilesystem(t testing.TB) *helper {
	return startHelper(t, nil, "/usr/bin/python3", "-u", script(t, "visits_fs.py"))
}

func notOldestPassive(c cell) bool { return c.mode != c.ip.passive() }

func outerSpace(name string, _ []byte) bool { return strings.TrimSpace(name) != name }
