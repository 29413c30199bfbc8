package paradise_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// A data connection that does not come about says why, to the client and in the log.

// logsInto makes a server write its log into the buffer.
func logsInto(log *bytes.Buffer, change func(*paradise.Server)) func(*paradise.Server) {
	return func(srv *paradise.Server) {
		srv.Logger = slog.New(slog.NewTextHandler(log, nil))
		if change != nil {
			change(srv)
		}
	}
}

func TestADataConnectionFromElsewhereIsLoggedAndTold(t *testing.T) {
	for name, tc := range map[string]struct {
		from   string
		check  paradise.PeerCheck
		remedy string
	}{
		"a neighbour":                 {"198.51.100.99", paradise.PeerSame, "PeerCheck: PeerSubnet (peer-check subnet)"},
		"another network":             {"203.0.113.1", paradise.PeerSame, "PeerCheck: PeerAny (peer-check any)"},
		"another network, by subnet":  {"203.0.113.1", paradise.PeerSubnet, "PeerCheck: PeerAny (peer-check any)"},
		"the other protocol":          {"2001:db8::1", paradise.PeerSubnet, "PeerCheck: PeerAny (peer-check any)"},
		"IPv4 as IPv6 writes it":      {"::ffff:203.0.113.1", paradise.PeerSame, "PeerCheck: PeerAny (peer-check any)"},
		"a link's address and a zone": {"fe80::1%eth0", paradise.PeerSame, "PeerCheck: PeerAny (peer-check any)"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			inMemory(t, logsInto(&log, func(srv *paradise.Server) { srv.Passive.PeerCheck = tc.check }), func(w *world) {
				c := w.login()
				addr := c.epsv()
				for range 3 {
					w.data(netip.MustParseAddr(tc.from), addr).Close()
				}
				c.cmd(150, "STOR f")
				require.Contains(t, c.expect(425), "Data connection came from another address")
				w.data(clientAddr, c.epsv()).Close() // a second channel, without strangers
				c.cmd(150, "STOR f")
				c.expect(226)
				c.quit()
			})
			require.Equal(t, 1, strings.Count(log.String(), "was turned away"), "once for each channel")
			for _, fact := range []string{"level=WARN", "control=" + clientAddr.String(), "data=" + netip.MustParseAddr(tc.from).Unmap().String(), `admitted_by="` + tc.remedy + `"`, "session=1"} {
				require.Contains(t, log.String(), fact)
			}
		})
	}
}

func TestAStrangerIsNamedToNobodyButTheLog(t *testing.T) {
	var log bytes.Buffer
	inMemory(t, logsInto(&log, nil), func(w *world) {
		c := w.login()
		addr := c.epsv()
		c.cmd(150, "STOR f")
		w.data(otherAddr, addr).Close()
		require.NotContains(t, c.expect(425), otherAddr.String())

		addr = c.epsv() // strangers do not hold up the right one
		c.cmd(150, "STOR f")
		w.data(otherAddr, addr).Close()
		d := w.data(clientAddr, addr)
		io.WriteString(d, "data")
		d.Close()
		c.expect(226)

		c.epsv() // nobody came at all
		c.cmd(150, "STOR f")
		require.Contains(t, c.expect(425), "was not opened in time")
		c.quit()
	})
	require.Equal(t, 2, strings.Count(log.String(), "was turned away"))
}

func TestTheSettingThatIsNamedAdmits(t *testing.T) {
	for check, from := range map[paradise.PeerCheck]string{paradise.PeerSubnet: "198.51.100.99", paradise.PeerAny: "2001:db8::1"} {
		inMemory(t, func(srv *paradise.Server) { srv.Passive.PeerCheck = check }, func(w *world) {
			c := w.login()
			addr := c.epsv()
			c.cmd(150, "STOR f")
			w.data(netip.MustParseAddr(from), addr).Close()
			c.expect(226)
			c.quit()
		})
	}
}

func TestAnActiveConnectionThatFailsSaysHow(t *testing.T) {
	var log bytes.Buffer
	inMemory(t, logsInto(&log, nil), func(w *world) {
		c := w.login()
		c.cmd(200, "EPRT |1|%s|5000|", clientAddr)
		c.cmd(150, "STOR f")
		require.Contains(t, c.expect(425), "your side refuses it")

		l, err := w.net.Listen(netip.AddrPortFrom(clientAddr, 5001))
		require.NoError(t, err)
		for range 64 { // of which nobody is accepted: the next is left without an answer
			defer w.data(otherAddr, netip.AddrPortFrom(clientAddr, 5001)).Close()
		}
		c.cmd(200, "EPRT |1|%s|5001|", clientAddr)
		c.cmd(150, "STOR f")
		began := time.Now()
		require.Contains(t, c.expect(425), "your side does not answer")
		require.Equal(t, 30*time.Second, time.Since(began))
		l.Close()

		c.cmd(504, "EPRT |1|%s|5000|", otherAddr)
		c.quit()
	})
	require.Contains(t, log.String(), "the client at "+clientAddr.String()+" named "+otherAddr.String())
	require.Contains(t, log.String(), "any-active-peer")
}
