package endurance

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/paradisetest"
)

// patience sets the timeouts of the server under test: the defaults in full mode, and
// shorter ones otherwise, so that the test does not take a minute.
func patience() paradise.Timeouts {
	if isFull() {
		return paradise.Timeouts{}
	}
	return paradise.Timeouts{Login: 4 * time.Second, Line: 3 * time.Second, Reply: 3 * time.Second,
		Handshake: 2 * time.Second, Data: 3 * time.Second}
}

// slowWays are ways in which attackers keep a connection open for long. Each returns when
// the server has closed it.
var slowWays = []struct {
	name string
	run  func(conn net.Conn)
}{
	{"say nothing", func(conn net.Conn) { drain(conn) }},
	{"a byte now and then", func(conn net.Conn) {
		trickle(conn, "USER someone-with-a-very-long-name-that-never-ends")
	}},
	{"a TLS hello without its end", func(conn net.Conn) {
		fmt.Fprintf(conn, "AUTH TLS\r\n")
		conn.Write([]byte{22, 3, 1, 1, 0})
		drain(conn)
	}},
	{"take no replies", func(conn net.Conn) {
		for {
			if _, err := fmt.Fprint(conn, strings.Repeat("HELP\r\n", 100)); err != nil {
				return
			}
		}
	}},
	{"log in and open ports only", func(conn net.Conn) {
		fmt.Fprint(conn, "USER auser\r\nPASS secret\r\n"+strings.Repeat("EPSV\r\n", 50)+"LIST\r\nQUIT\r\n")
		drain(conn)
	}},
}

func drain(conn net.Conn) {
	buf := make([]byte, 512)
	for {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

// trickle sends a line slowly, and returns the server's reply to it.
func trickle(conn net.Conn, text string) {
	for _, b := range []byte(text) {
		if _, err := conn.Write([]byte{b}); err != nil {
			return
		}
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		for {
			_, err := conn.Read(make([]byte, 512))
			if os.IsTimeout(err) {
				break
			}
			if err != nil {
				return
			}
		}
	}
	drain(conn)
}

// attackFrom spreads attackers over the loopback's addresses.
func attackFrom(i int) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%200))}, Timeout: 10 * time.Second}
}

func TestSlowStrangersDoNotKeepOthersOut(t *testing.T) {
	attackers, real := scaled(10_000), 100
	addr := besieged(t)
	limits := patience()
	if limits.Login == 0 {
		limits.Login = 60 * time.Second
	}
	began := time.Now()
	var attack sync.WaitGroup
	for i := range attackers {
		conn, err := attackFrom(i).DialContext(context.Background(), "tcp", addr)
		require.NoError(t, err)
		attack.Go(func() {
			defer conn.Close()
			slowWays[i%len(slowWays)].run(conn)
		})
	}
	t.Logf("%d attackers are there after %v", attackers, time.Since(began))
	began = time.Now()

	var took []time.Duration
	for range real {
		begin := time.Now()
		c := must(t, addr)
		took = append(took, time.Since(begin))
		stores(t, c, 226, "STOR real", []byte("content"))
		require.NoError(t, c.quit())
	}
	slices.Sort(took)
	t.Logf("%d real clients: login p50 %v, p99 %v", real, took[len(took)/2], took[len(took)*99/100])

	attack.Wait()
	t.Logf("the last attacker was gone after %v", time.Since(began))
	require.Less(t, time.Since(began), limits.Login+10*time.Second)
}

// besieged starts a server with the test's patience and returns its address. In full mode
// it is the bundled server in its own process, because both ends of so many connections
// need too many descriptors for one process.
func besieged(t *testing.T) string {
	t.Helper()
	cert := paradisetest.Certificate(t)
	if !isFull() {
		s := serve(t, memory(t), func(srv *paradise.Server) {
			srv.Timeouts = patience()
			srv.Policy.TLS = paradise.TLSOptional
			srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		})
		return s.Addr
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	require.NoError(t, err)
	dir := t.TempDir()
	args := append(exampleArgs(memory(t)), "-tls-policy", "optional", "-abuse-limits", "on")
	for flag, block := range map[string]*pem.Block{
		"-tls-cert": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]},
		"-tls-key":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		file := filepath.Join(dir, flag)
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
		args = append(args, flag, file)
	}
	return start(t, exec.Command(example(t), args...), "listening on:").addr
}

func TestPassiveListenersNeverExceedSessions(t *testing.T) {
	sessions, floods := 50, scaled(5000)
	s := serve(t, memory(t), nil)
	done := make(chan struct{})
	var flood sync.WaitGroup
	for range sessions {
		c := must(t, s.Addr)
		flood.Go(func() {
			go drain(c.conn)
			fmt.Fprint(c.conn, strings.Repeat("EPSV\r\nPASV\r\n", floods/2))
			fmt.Fprint(c.conn, "QUIT\r\n")
		})
	}
	go func() { flood.Wait(); close(done) }()
	for {
		require.LessOrEqual(t, s.Config.Stats().PassiveListeners, int64(sessions))
		select {
		case <-done:
			require.NoError(t, await(30*time.Second, func() bool { return s.Config.Stats().PassiveListeners == 0 }))
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestAServerShortOfDescriptorsTurnsClientsAwayAndRecovers(t *testing.T) {
	const nofile, clients = 256, 1000
	dir := memory(t)
	args := append([]string{"-c", fmt.Sprintf("ulimit -n %d; exec \"$0\" \"$@\"", nofile), example(t)},
		exampleArgs(dir)...)
	server := start(t, exec.Command("bash", args...), "listening on:")
	early, err := login(server.addr)
	require.NoError(t, err)
	defer early.conn.Close()

	var held []net.Conn
	refused := 0
	for range clients {
		conn, err := net.DialTimeout("tcp", server.addr, dialWait)
		require.NoError(t, err)
		conn.SetReadDeadline(time.Now().Add(dialWait))
		line, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		switch line[:3] {
		case "220":
			held = append(held, conn)
		case "421":
			refused++
			conn.Close()
		default:
			t.Fatalf("unexpected greeting %q", line)
		}
	}
	t.Logf("%d sessions, %d turned away", len(held), refused)
	require.Greater(t, len(held), nofile/4)
	require.Positive(t, refused)
	code, text, err := early.store("STOR early", []byte("content"))
	require.NoError(t, err)
	require.Equal(t, 226, code, "who was let in finds no descriptors: %s", text)

	// Idle sessions use no CPU, once the server has refused the others.
	require.NoError(t, await(dialWait, func() bool { return rests(t, server.cmd.Process.Pid) }), "it spins")
	for _, conn := range held {
		conn.Close()
	}
	require.NoError(t, await(dialWait, func() bool {
		c, err := login(server.addr)
		if err != nil {
			return false
		}
		defer c.conn.Close()
		code, _, err := c.store("STOR again", []byte("content"))
		return err == nil && code == 226
	}))
}

// rests reports whether a process uses almost no CPU while this process uses all that it
// can get. A process that spins would get as much as this one, however busy the machine is.
func rests(t *testing.T, pid int) bool {
	t.Helper()
	const spun = 500 * time.Millisecond
	ours, theirs := cpuTime(t, os.Getpid()), cpuTime(t, pid)
	for cpuTime(t, os.Getpid())-ours < spun {
	}
	return cpuTime(t, pid)-theirs < spun/5
}

// cpuTime returns the CPU time of a process so far, to a hundredth of a second.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var user, system int64
	_, err = fmt.Sscan(f[11]+" "+f[12], &user, &system)
	require.NoError(t, err)
	return time.Duration(user+system) * 10 * time.Millisecond
}
