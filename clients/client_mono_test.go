//go:build unix

package clients_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// monoClient is FtpWebRequest, which .NET programs of all kinds use.
func monoClient() *client {
	return &client{
		name: "mono", brings: "mono-mcs and mono-runtime", missing: programs("mcs", "mono"),
		crlf: true,
		open: func(t testing.TB) transferer { return startMono(t).visit },
		// Neither Mono nor .NET ends an upload with close_notify.
		policy: func(p *paradise.Policy) { p.AllowUnclosedTLS = true },
		limits: []limitation{
			{"FtpWebRequest says PASV and PORT on IPv4", extendedOnIPv4,
				fallsShort(cell{mode: epsv, ip: ipv4, tls: plain}), nil},
			{"Mono's FtpWebRequest connects by IPv4 only", onIPv6, fallsShort(cell{mode: epsv, ip: ipv6, tls: plain}), nil},
			{"FtpWebRequest has no implicit TLS", implicitOnly, fallsShort(cell{mode: pasv, ip: ipv4, tls: implicit}), nil},
			{"Mono has no TLS 1.3", tls13Only, fallsShort(cell{mode: pasv, ip: ipv4, tls: tls13}), nil},
		},
	}
}

func startMono(t testing.TB) *helper {
	program := filepath.Join(t.TempDir(), "visits.exe")
	v := &visit{t: t, home: t.TempDir()}
	_, err := v.run("", "mcs", "-out:"+program, script(t, "Visits.cs"))
	require.NoError(t, err)
	return startHelper(t, nil, "mono", program)
}
