//go:build unix

package clients_test

import "testing"

// phpClient is PHP's own extension, which content management systems deploy with.
func phpClient() *client {
	return &client{
		name: "php", brings: "php-cli", missing: programs("php"),
		open: func(t testing.TB) transferer {
			return startHelper(t, nil, "php", "-n", "-d", "extension=ftp", script(t, "visits.php")).visit
		},
		limits: []limitation{
			{"PHP's ftp extension says EPSV and EPRT on IPv6 only", extendedOnIPv4, fallsShort(cell{mode: epsv, ip: ipv4, tls: plain}), nil},
			{"PHP's ftp extension has no implicit TLS", implicitOnly, fallsShort(cell{mode: epsv, ip: ipv6, tls: implicit}), nil},
		},
	}
}

// rubyClient is Ruby's own library.
func rubyClient() *client {
	return &client{
		name: "ruby", brings: "ruby", missing: programs("ruby"),
		endsLines: true, // puttextfile does
		open:      func(t testing.TB) transferer { return startHelper(t, nil, "ruby", script(t, "visits.rb")).visit },
		limits: []limitation{
			{"Ruby's Net::FTP says EPSV and EPRT on IPv6 only", extendedOnIPv4, fallsShort(cell{mode: epsv, ip: ipv4, tls: plain}), nil},
			{"Ruby's Net::FTP has no implicit TLS before 3.3", implicitOnly, fallsShort(cell{mode: epsv, ip: ipv6, tls: implicit}), nil},
		},
	}
}
