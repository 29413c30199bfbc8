package paradise_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
)

// spliceDriver shows the core the files of a folder's uploads, or others in
// their place, and counts what comes through Write all the same.
type spliceDriver struct {
	paradise.FileDriver
	file    func(own *os.File) *os.File
	write   error // of every Write once the core has asked for the file
	written int
	aborts  []error
}

type spliceUpload struct {
	paradise.Upload
	d     *spliceDriver
	asked bool
}

func (d *spliceDriver) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	u, err := d.FileDriver.Store(ctx, s, name, o)
	return &spliceUpload{Upload: u, d: d}, err
}

func (u *spliceUpload) File() *os.File {
	u.asked = true
	return u.d.file(u.Upload.(interface{ File() *os.File }).File())
}

func (u *spliceUpload) Write(p []byte) (int, error) {
	if u.asked && u.d.write != nil {
		return 0, u.d.write
	}
	u.d.written += len(p)
	return u.Upload.Write(p)
}

func (u *spliceUpload) Abort(ctx context.Context, cause error) {
	u.d.aborts = append(u.d.aborts, cause)
	u.Upload.Abort(ctx, cause)
}

// spliceRun is a session over TCP whose uploads go to a spliceDriver.
type spliceRun struct {
	t    *testing.T
	d    *spliceDriver
	srv  *paradise.Server
	root string
	conn net.Conn
	r    *bufio.Reader
}

func newSpliceRun(t *testing.T, policy paradise.Policy, change func(*paradise.Server)) *spliceRun {
	t.Helper()
	root := t.TempDir()
	files, err := osfs.Open(root, osfs.Options{})
	require.NoError(t, err)
	d := &spliceDriver{FileDriver: files, file: func(own *os.File) *os.File { return own }}
	srv := &paradise.Server{
		Auth:   paradise.Accounts{"auser": "secret"},
		Files:  d,
		Policy: policy,
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(srv)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() {
		conn.Close()
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-served, paradise.ErrServerClosed)
		files.Close()
	})
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	s := &spliceRun{t: t, d: d, srv: srv, root: root, conn: conn, r: bufio.NewReader(conn)}
	s.expect("220")
	s.say("USER auser", "331")
	s.say("PASS secret", "230")
	return s
}

func (s *spliceRun) say(line, code string) string {
	s.t.Helper()
	fmt.Fprint(s.conn, line+"\r\n")
	return s.expect(code)
}

func (s *spliceRun) expect(code string) string {
	s.t.Helper()
	line, err := s.r.ReadString('\n')
	require.NoError(s.t, err)
	require.Equal(s.t, code, line[:3], line)
	return line
}

// begin opens the data connection of an upload to "f".
func (s *spliceRun) begin() *net.TCPConn {
	s.t.Helper()
	var port int
	line := s.say("EPSV", "229")
	_, err := fmt.Sscanf(line[strings.Index(line, "(|||")+4:], "%d", &port)
	require.NoError(s.t, err)
	data, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	require.NoError(s.t, err)
	s.t.Cleanup(func() { data.Close() })
	s.say("STOR f", "150")
	return data.(*net.TCPConn)
}

// send is a whole upload, up to its final reply.
func (s *spliceRun) send(p []byte, code string) {
	s.t.Helper()
	data := s.begin()
	data.Write(p) // fails where the server stops reading
	data.Close()
	s.expect(code)
}

func noise(n int) []byte {
	p := make([]byte, n)
	rand.Read(p)
	return p
}

func (s *spliceRun) requireFile(want []byte) {
	s.t.Helper()
	got, err := os.ReadFile(filepath.Join(s.root, "f"))
	require.NoError(s.t, err)
	require.True(s.t, string(want) == string(got), "%d bytes were sent, %d stored", len(want), len(got))
}

func (s *spliceRun) requireNoFile() {
	s.t.Helper()
	names, err := os.ReadDir(s.root)
	require.NoError(s.t, err)
	require.Empty(s.t, names)
}

const spliced = 9<<20 + 12345

func TestLargePlainUploadsAreSplicedWhole(t *testing.T) {
	s := newSpliceRun(t, paradise.Policy{}, nil)
	p := noise(spliced)
	s.send(p, "226")
	s.requireFile(p)
	require.Less(t, s.d.written, spliced/2, "most bytes came through Write")
	require.EqualValues(t, spliced, s.srv.Stats().Uploads.Bytes)
	require.Empty(t, s.d.aborts)
}

func TestUploadsWhoseBytesMustBeSeenAreNotSpliced(t *testing.T) {
	for name, policy := range map[string]paradise.Policy{
		"digest": {Digests: paradise.DigestSHA256},
		"rate":   {UploadRate: 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSpliceRun(t, policy, nil)
			p := noise(spliced)
			s.send(p, "226")
			s.requireFile(p)
			require.Equal(t, spliced, s.d.written)
		})
	}
}

func TestAFileThatTakesNoSpliceIsWritten(t *testing.T) {
	s := newSpliceRun(t, paradise.Policy{}, nil)
	other, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	defer other.Close()
	s.d.file = func(*os.File) *os.File { return other } // splice refuses O_APPEND
	p := noise(spliced)
	s.send(p, "226")
	s.requireFile(p)
	require.Equal(t, spliced, s.d.written)
}

func TestAnErrorOfASplicedFileIsTheDriversOwn(t *testing.T) {
	s := newSpliceRun(t, paradise.Policy{}, nil)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	s.d.file = func(*os.File) *os.File { return full }
	s.d.write = fmt.Errorf("disk: %w", paradise.ErrNoSpace)
	s.send(noise(spliced), "452")
	require.Len(t, s.d.aborts, 1)
	require.ErrorIs(t, s.d.aborts[0], paradise.ErrNoSpace)
	s.requireNoFile()
}

func TestASplicedUploadKeepsToTheLargestSize(t *testing.T) {
	const most = 1<<20 + 1
	for size, code := range map[int]string{most: "226", most + 1: "552", spliced: "552"} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := newSpliceRun(t, paradise.Policy{MaxFileSize: most}, nil)
			p := noise(size)
			s.send(p, code)
			if code == "226" {
				s.requireFile(p)
				return
			}
			require.Len(t, s.d.aborts, 1)
			require.ErrorIs(t, s.d.aborts[0], paradise.ErrTooLarge)
			s.requireNoFile()
		})
	}
}

func TestASplicedUploadEndsLikeAnyOther(t *testing.T) {
	for _, test := range []struct {
		name  string
		end   func(s *spliceRun, data *net.TCPConn)
		codes []string
		cause error
	}{
		{"stall", func(*spliceRun, *net.TCPConn) {}, []string{"426"}, paradise.ErrStalled},
		{"ABOR", func(s *spliceRun, _ *net.TCPConn) { fmt.Fprint(s.conn, "ABOR\r\n") }, []string{"426", "226"}, paradise.ErrAborted},
		{"reset", func(_ *spliceRun, data *net.TCPConn) { data.SetLinger(0); data.Close() }, []string{"426"}, paradise.ErrDataLost},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSpliceRun(t, paradise.Policy{}, func(srv *paradise.Server) { srv.Timeouts.Stall = 2 * time.Second })
			data := s.begin()
			_, err := data.Write(noise(spliced))
			require.NoError(t, err)
			require.Eventually(t, func() bool { return s.srv.Stats().Uploads.Bytes == spliced }, 10*time.Second, time.Millisecond)
			test.end(s, data)
			for _, code := range test.codes {
				s.expect(code)
			}
			require.Len(t, s.d.aborts, 1)
			require.ErrorIs(t, s.d.aborts[0], test.cause)
			s.requireNoFile()
		})
	}
}

func TestAClientThatBecomesSlowGivesItsPipeBack(t *testing.T) {
	s := newSpliceRun(t, paradise.Policy{}, nil)
	pipes := openPipes(t)
	data := s.begin()
	p := noise(spliced)
	_, err := data.Write(p)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.srv.Stats().Uploads.Bytes == spliced }, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return openPipes(t) == pipes }, 10*time.Second, 10*time.Millisecond)
	rest := noise(1000)
	_, err = data.Write(rest)
	require.NoError(t, err)
	data.Close()
	s.expect("226")
	s.requireFile(append(p, rest...))
}

// openPipes counts this process's descriptors of pipes.
func openPipes(t *testing.T) (n int) {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, name := range names {
		to, err := os.Readlink("/proc/self/fd/" + name.Name())
		if errors.Is(err, syscall.ENOENT) {
			continue // the one that reads the folder
		}
		require.NoError(t, err)
		if strings.HasPrefix(to, "pipe:") {
			n++
		}
	}
	return n
}
