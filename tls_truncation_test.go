package paradise_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// cutKind is how a middleman ends a connection that was not his.
type cutKind int

const (
	cutFIN    cutKind = iota // between two records
	cutRST                   // between two records
	cutInside                // a FIN inside a record
)

var cutKinds = map[string]cutKind{"FIN": cutFIN, "RST": cutRST, "FIN inside a record": cutInside}

// middleman is a TCP proxy before a data port: he passes on so many TLS records
// of the client's data and then ends the connection both ways. He reads nothing
// but the headers of records (RFC 8446, 5.1).
type middleman struct {
	l       net.Listener
	records int
	kind    cutKind
	done    sync.WaitGroup
}

func newMiddleman(t *testing.T, to netip.AddrPort, records int, kind cutKind) *middleman {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server, err := net.Dial("tcp", to.String())
	require.NoError(t, err)
	m := &middleman{l: l, records: records, kind: kind}
	m.done.Go(func() {
		defer server.Close()
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		m.done.Go(func() {
			// Hidden, so that Go keeps no pipes for splice(2), which would be counted.
			io.Copy(struct{ io.Writer }{client}, struct{ io.Reader }{server})
			client.Close()
		})
		m.upstream(server.(*net.TCPConn), client)
	})
	return m
}

// wholeUpload is more records than there are.
const wholeUpload = 1 << 30

const changeCipherSpec = 20 // in both versions the client's Finished is next

func (m *middleman) upstream(server *net.TCPConn, client net.Conn) {
	passed := -2 // the handshake: ChangeCipherSpec and Finished
	begun := false
	for {
		record, err := readRecord(client)
		if err != nil {
			return
		}
		if m.kind == cutInside && passed == m.records {
			server.Write(record[:len(record)/2])
			return
		}
		if _, err := server.Write(record); err != nil {
			return
		}
		if begun = begun || record[0] == changeCipherSpec; begun {
			passed++
		}
		if passed == m.records && m.kind == cutRST {
			server.SetLinger(0)
		}
		if passed == m.records && m.kind != cutInside {
			return
		}
	}
}

func readRecord(r io.Reader) ([]byte, error) {
	header := make([]byte, 5)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	record := append(header, make([]byte, binary.BigEndian.Uint16(header[3:]))...)
	_, err := io.ReadFull(r, record[5:])
	return record, err
}

func (m *middleman) wait() {
	m.l.Close()
	m.done.Wait()
}

// cutUpload sends records of 4 KiB through a middleman and returns the final
// reply's code.
func cutUpload(t *testing.T, c *ftps, command string, records, passed int, kind cutKind) string {
	addr := c.epsv()
	m := newMiddleman(t, addr, passed, kind)
	defer m.wait()
	c.cmd(150, "%s", command)
	config := c.config.Clone()
	config.DynamicRecordSizingDisabled = true // a write is a record
	d := tls.Client(c.open(m.l.Addr().(*net.TCPAddr).AddrPort()), config)
	defer d.Close()
	for i := range records {
		if _, err := d.Write(recordOf(i)); err != nil {
			break // the middleman has gone
		}
	}
	d.CloseWrite()
	line, err := c.r.ReadString('\n')
	require.NoError(t, err)
	return line[:3]
}

func recordOf(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 4<<10) }

func TestACutUploadIsNeverTakenForComplete(t *testing.T) {
	records := full(8, 83)
	cuts := 0
	for version, number := range versions {
		for name, kind := range cutKinds {
			t.Run(version+"/"+name, func(t *testing.T) {
				s := realTLS(t, nil)
				s.files.Put("/f", []byte("old"))
				c := s.ftps()
				c.config.MinVersion, c.config.MaxVersion = number, number
				c.ready()
				for passed := range records + 1 {
					c.raw.SetDeadline(time.Now().Add(time.Minute))
					for _, command := range []string{"STOR f", "APPE f"} {
						require.Equal(t, "426", cutUpload(t, c, command, records, passed, kind), "%s after %d records", command, passed)
						cuts++
					}
					got, err := s.files.Get("/f")
					require.NoError(t, err)
					require.Equal(t, "old", string(got))
				}
				require.Equal(t, "226", cutUpload(t, c, "STOR g", records, wholeUpload, kind), "whole, through the same middleman")
				c.quit()
				require.EqualValues(t, 2*(records+1), s.srv.Stats().Uploads.Failed)
			})
		}
	}
	t.Logf("%d cuts", cuts)
}

func TestPolicyMayTakeUploadsWithoutCloseNotify(t *testing.T) {
	const records = 4
	for version, number := range versions {
		for name, kind := range cutKinds {
			t.Run(version+"/"+name, func(t *testing.T) {
				s := realTLS(t, func(srv *paradise.Server) { srv.Policy.AllowUnclosedTLS = true })
				c := s.ftps()
				c.config.MinVersion, c.config.MaxVersion = number, number
				c.ready()
				want := "426"
				if kind == cutFIN {
					want = "226"
				}
				for passed := range records + 1 {
					require.Equal(t, want, cutUpload(t, c, fmt.Sprintf("STOR f%d", passed), records, passed, kind))
					if kind == cutFIN {
						got, err := s.files.Get(fmt.Sprintf("/f%d", passed))
						require.NoError(t, err)
						require.Equal(t, passed*len(recordOf(0)), len(got))
					}
				}
				c.quit()
			})
		}
	}
}

func TestAUserMayBeAllowedUploadsWithoutCloseNotify(t *testing.T) {
	auth := paradise.AuthFunc(func(_ context.Context, s *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
		policy := s.Policy
		policy.AllowUnclosedTLS = c.User == "camera"
		return &paradise.User{Policy: &policy}, nil
	})
	overTLS(t, func(srv *paradise.Server) { srv.Auth = auth }, func(w *world) {
		for user, code := range map[string]int{"camera": 226, "anyone": 426} {
			c := w.ftps().greeted()
			c.cmd(331, "USER %s", user)
			c.cmd(230, "PASS x")
			c.private()
			raw := c.beginClear("STOR %s", user)
			d := tls.Client(raw, c.config)
			io.WriteString(d, "data")
			raw.Close()
			c.expect(code)
			c.quit()
		}
		require.Equal(t, "data", w.content("/camera"))
		w.missing("/anyone")
	})
}

// A zlib stream says itself where it ends; the connection still has to.
func TestACutDeflatedUploadIsNeverTakenForComplete(t *testing.T) {
	overTLS(t, nil, func(w *world) {
		c := w.ftps().ready()
		c.cmd(200, "MODE Z")
		raw := c.beginClear("STOR f")
		d := tls.Client(raw, c.config)
		d.Write(deflated("data"))
		raw.Close()
		c.expect(426)
		w.missing("/f")
		d = c.begin("STOR f")
		d.Write(deflated("data"))
		d.Close()
		c.expect(226)
		require.Equal(t, "data", w.content("/f"))
		c.quit()
	})
}

// A close_notify that is not authentic ends nothing well either.
func TestAForgedCloseNotifyIsNoEnd(t *testing.T) {
	for version, number := range versions {
		t.Run(version, func(t *testing.T) {
			overTLS(t, nil, func(w *world) {
				c := w.ftps()
				c.config.MinVersion, c.config.MaxVersion = number, number
				c.ready()
				raw := c.beginClear("STOR f")
				d := tls.Client(raw, c.config)
				io.WriteString(d, "half")
				synctest.Wait()
				raw.Write([]byte{21, 3, 3, 0, 2, 1, 0}) // alert, warning, close_notify
				raw.Close()
				c.expect(426)
				w.missing("/f")
				c.quit()
			})
		})
	}
}
