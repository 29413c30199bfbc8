package paradise_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
)

// The benchmarks use real sockets on the loopback and osfs, as a server does.
// Both ends are in the process: compare figures of one run only.

type benchClient struct {
	b    *testing.B
	conn net.Conn
	r    *bufio.Reader
}

func benchServer(b *testing.B) (addr, root string) {
	b.Helper()
	root = b.TempDir()
	files, err := osfs.Open(root, osfs.Options{})
	require.NoError(b, err)
	srv := &paradise.Server{
		Auth:   paradise.Accounts{"auser": "secret"},
		Files:  files,
		Policy: paradise.Policy{LostControlWait: time.Millisecond}, // what a wait costs is no work of ours
		Limits: paradise.Limits{SessionsPerIP: -1, LoginsPerMin: -1},
		Logger: slog.New(slog.DiscardHandler),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	go srv.Serve(l)
	b.Cleanup(func() {
		srv.Close()
		files.Close()
	})
	return l.Addr().String(), root
}

func benchDial(b *testing.B, addr string) *benchClient {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(b, err)
	c := &benchClient{b: b, conn: conn, r: bufio.NewReader(conn)}
	c.reply("220")
	c.cmd("331", "USER auser\r\n")
	c.cmd("230", "PASS secret\r\n")
	return c
}

func (c *benchClient) reply(code string) string {
	line, err := c.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, code) {
		c.b.Fatalf("want %s, got %q, %v", code, line, err)
	}
	return line
}

func (c *benchClient) cmd(code, line string) string {
	if _, err := io.WriteString(c.conn, line); err != nil {
		c.b.Fatal(err)
	}
	return c.reply(code)
}

func (c *benchClient) data() net.Conn {
	line := c.cmd("229", "EPSV\r\n")
	port := line[strings.Index(line, "(|||")+4 : strings.Index(line, "|)")]
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		c.b.Fatal(err)
	}
	return conn
}

func (c *benchClient) stor(name string, p []byte) {
	d := c.data()
	c.cmd("150", "STOR "+name+"\r\n")
	if _, err := d.Write(p); err != nil {
		c.b.Fatal(err)
	}
	d.Close()
	c.reply("226")
}

func (c *benchClient) fetch(command string) int64 {
	d := c.data()
	c.cmd("150", command+"\r\n")
	n, err := io.Copy(io.Discard, d)
	if err != nil {
		c.b.Fatal(err)
	}
	d.Close()
	c.reply("226")
	return n
}

func BenchmarkLogin(b *testing.B) {
	addr, _ := benchServer(b)
	b.ReportAllocs()
	for b.Loop() {
		c := benchDial(b, addr)
		c.cmd("221", "QUIT\r\n")
		c.conn.Close()
	}
}

func BenchmarkNoop(b *testing.B) {
	addr, _ := benchServer(b)
	c := benchDial(b, addr)
	b.ReportAllocs()
	for b.Loop() {
		c.cmd("200", "NOOP\r\n")
	}
}

func BenchmarkStorSmall(b *testing.B) {
	addr, _ := benchServer(b)
	c := benchDial(b, addr)
	p := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		c.stor("f", p)
	}
}

func BenchmarkStorLarge(b *testing.B) {
	addr, _ := benchServer(b)
	c := benchDial(b, addr)
	p := make([]byte, 64<<20)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		c.stor("f", p)
	}
}

func BenchmarkRetrLarge(b *testing.B) {
	addr, root := benchServer(b)
	require.NoError(b, os.WriteFile(filepath.Join(root, "f"), make([]byte, 64<<20), 0o644))
	c := benchDial(b, addr)
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		c.fetch("RETR f")
	}
}

func BenchmarkList10000(b *testing.B) {
	for _, verb := range []string{"LIST", "MLSD", "NLST"} {
		b.Run(verb, func(b *testing.B) {
			addr, root := benchServer(b)
			for i := range 10_000 {
				require.NoError(b, os.WriteFile(filepath.Join(root, fmt.Sprintf("file-%05d.dat", i)), nil, 0o644))
			}
			c := benchDial(b, addr)
			b.ReportAllocs()
			for b.Loop() {
				c.fetch(verb)
			}
		})
	}
}

// BenchmarkIdleSession reports the memory of a session that has idled for long
// enough to be parked; the client's ends are in the figure too.
func BenchmarkIdleSession(b *testing.B) {
	const sessions = 1000
	for b.Loop() {
		addr, _ := benchServer(b)
		before := memoryInUse()
		clients := make([]*benchClient, sessions)
		for i := range clients {
			clients[i] = benchDial(b, addr)
		}
		time.Sleep(3 * time.Second)
		b.ReportMetric(float64(memoryInUse()-before)/sessions, "B/session")
		b.ReportMetric(float64(runtime.NumGoroutine())/sessions, "goroutines/session")
		for _, c := range clients {
			c.conn.Close()
		}
	}
}

func memoryInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
