package endurance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// gated serves a folder that accepts only pictures.
func gated(t *testing.T) (s *server, count *paradisetest.Counter, ended chan paradise.TransferEvent) {
	t.Helper()
	ended = make(chan paradise.TransferEvent, 100)
	s = serve(t, t.TempDir(), func(srv *paradise.Server) {
		srv.Policy.Gate.Allow = []string{"image/*"}
		count = paradisetest.Count(srv.Files)
		srv.Files = count
		srv.Hooks.TransferEnd = func(_ context.Context, e paradise.TransferEvent) { ended <- e }
	})
	return s, count, ended
}

// program returns an executable of this machine, padded to a size.
func program(t *testing.T, size int) []byte {
	t.Helper()
	self, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer self.Close()
	b := make([]byte, size)
	_, err = io.ReadFull(self, b[:4<<10])
	require.NoError(t, err)
	return b
}

// picture is a GIF.
var picture = append([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00"), make([]byte, 2000)...)

// holdsRefusal fails unless an upload was refused after a few KiB and the driver got none of
// them.
func holdsRefusal(t *testing.T, s *server, count *paradisetest.Counter, e paradise.TransferEvent, name string) {
	t.Helper()
	const few = 8 << 10
	require.Equal(t, 550, e.Code)
	require.LessOrEqual(t, e.Bytes, int64(few), "taken from the wire before the reply")
	require.ErrorIs(t, e.Err, paradise.ErrBadType)
	n := count.Counts()
	require.Zero(t, n.Begin+n.Write+n.Commit)
	require.Zero(t, n.Uploads, "the upload has not ended")
	require.NoFileExists(t, filepath.Join(s.dir, name))
}

func TestAProgramThatIsNoPictureIsRefusedAtOnceAndTheSessionGoesOn(t *testing.T) {
	s, count, ended := gated(t)
	c := must(t, s.Addr)
	text := stores(t, c, 550, "STOR photo.jpg", program(t, 4<<20))
	require.Contains(t, text, "is not accepted")
	holdsRefusal(t, s, count, <-ended, "photo.jpg")
	stores(t, c, 226, "STOR photo.gif", picture)
	holdsPicture(t, s)
	require.NoError(t, c.quit())
	s.Close()
	count.Check(t)
}

func holdsPicture(t *testing.T, s *server) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "photo.gif"))
	require.NoError(t, err)
	require.Equal(t, picture, b)
}

func TestARefusalIsReadableWhileTheClientStillSends(t *testing.T) {
	s, count, ended := gated(t)
	c, d, err := begin(s.Addr, "STOR photo.jpg")
	require.NoError(t, err)
	defer c.conn.Close()
	_, err = d.Write(program(t, 64<<10))
	require.NoError(t, err)
	require.NoError(t, c.want(550, ""), "before the client has ended")
	// The refusal has arrived. The client may send some more bytes without an RST.
	_, err = d.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	require.NoError(t, d.Close())
	holdsRefusal(t, s, count, <-ended, "photo.jpg")
	require.NoError(t, c.want(200, "NOOP"))
	require.NoError(t, c.quit())
}

func TestAnEndlessUploadThatWasRefusedIsCutOff(t *testing.T) {
	s, _, _ := gated(t)
	c, d, err := begin(s.Addr, "STOR photo.jpg")
	require.NoError(t, err)
	defer c.conn.Close()
	sent, err := io.Copy(d, io.LimitReader(endless{program(t, 1<<20)}, 1<<30))
	require.Error(t, err, "%d bytes were taken", sent)
	_, timedOut := errors.AsType[net.Error](err)
	require.True(t, timedOut, "%v", err)
	require.Less(t, sent, int64(64<<20))
	require.NoError(t, c.want(550, ""))
	require.NoError(t, c.want(200, "NOOP"))
	require.NoError(t, c.quit())
}

// endless is a reader that repeats some bytes.
type endless struct{ b []byte }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.b), nil }

func TestCurlSeesTheRefusal(t *testing.T) {
	curl := needs.Program(t, "curl", "curl")
	for _, size := range []int{64 << 10, 8 << 20} {
		s, count, ended := gated(t)
		file := filepath.Join(t.TempDir(), "photo.jpg")
		require.NoError(t, os.WriteFile(file, program(t, size), 0o644))
		out, err := run(t, curl, "-sv", "--max-time", "60", "-u", "auser:secret", "-T", file, "ftp://"+s.Addr+"/")
		require.Error(t, err)
		require.Contains(t, out, "550 File type", "%d bytes", size)
		holdsRefusal(t, s, count, <-ended, "photo.jpg")
		s.Close()
	}
}

func TestFtplibSeesTheRefusalAndGoesOn(t *testing.T) {
	python := needs.Program(t, "python3", "python3")
	for _, size := range []int{64 << 10, 8 << 20} {
		s, count, ended := gated(t)
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "photo.jpg"), program(t, size), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "photo.gif"), picture, 0o644))
		host, port, err := net.SplitHostPort(s.Addr)
		require.NoError(t, err)
		out, err := run(t, python, "-c", ftplibProgram, host, port, dir)
		require.NoError(t, err, out)
		require.Contains(t, out, "refused: 550 File type", "%d bytes", size)
		require.Contains(t, out, "then: 226")
		e := <-ended
		require.Equal(t, 550, e.Code)
		require.EqualValues(t, len(picture), count.Counts().Written)
		require.NoFileExists(t, filepath.Join(s.dir, "photo.jpg"))
		holdsPicture(t, s)
		s.Close()
	}
}

const ftplibProgram = `
import ftplib, sys
host, port, folder = sys.argv[1:]
ftp = ftplib.FTP(timeout=60)
ftp.connect(host, int(port))
ftp.login("auser", "secret")
try:
    ftp.storbinary("STOR photo.jpg", open(folder + "/photo.jpg", "rb"))
    print("taken")
except ftplib.error_perm as e:
    print("refused:", e)
except OSError as e:
    print("broken:", e, "reply:", ftp.getresp())
print("then:", ftp.storbinary("STOR photo.gif", open(folder + "/photo.gif", "rb")))
ftp.quit()
`

func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out.String())
	}
	return out.String(), err
}
