package paradise_test

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/memnet"
	"github.com/paradiseftp/paradise/paradisetest"
)

// docs/uploads.md is the table of endings; these tests play it.

// endingRow is a row of the first table.
type endingRow struct {
	name    string
	replies []string // codes after the 150, or instead of it
	driver  string   // Commit, Abort, Abort(cause), nothing
	file    string   // old, new
	goesOn  bool     // the session
}

var replyCodes = regexp.MustCompile(`\b[245]\d\d\b`)

// uploadTable returns the rows of one table of docs/uploads.md.
func uploadTable(t *testing.T, header string, columns int) [][]string {
	t.Helper()
	b, err := os.ReadFile("docs/uploads.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(b), header+"\n")
	require.True(t, ok, "docs/uploads.md has no table %s", header)
	var rows [][]string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		require.Len(t, cells, columns, line)
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		rows = append(rows, cells)
	}
	require.NotEmpty(t, rows)
	return rows
}

func endingRows(t *testing.T) []endingRow {
	var rows []endingRow
	for _, cells := range uploadTable(t, "| row | what happens | reply | driver | file | session |", 6) {
		require.Contains(t, []string{"old", "new"}, cells[4], cells[0])
		require.Contains(t, []string{"goes on", "ends"}, cells[5], cells[0])
		rows = append(rows, endingRow{
			name:    cells[0],
			replies: replyCodes.FindAllString(cells[2], -1),
			driver:  cells[3],
			file:    cells[4],
			goesOn:  cells[5] == "goes on",
		})
	}
	return rows
}

// uploadKinds are the ways in which every row is played.
var uploadKinds = []struct {
	name    string
	old     string // content before; empty: there is no file
	command []string
	keeps   int // bytes of old that stay
}{
	{"STOR", "", []string{"STOR f.txt"}, 0},
	{"STOR over", "old content", []string{"STOR f.txt"}, 0},
	{"APPE", "old content", []string{"APPE f.txt"}, len("old content")},
	{"REST+STOR", "old content", []string{"REST 4", "STOR f.txt"}, 4},
}

func TestUploadEndings(t *testing.T) {
	rows := endingRows(t)
	played := map[string]bool{}
	for _, row := range rows {
		require.False(t, played[row.name], "row %s stands twice", row.name)
		played[row.name] = true
		play, ok := endings[row.name]
		if !assert.True(t, ok, "row %s has no test", row.name) {
			continue
		}
		for _, kind := range uploadKinds {
			t.Run(row.name+"/"+kind.name, func(t *testing.T) {
				r := &endingRun{row: row, command: kind.command, old: kind.old, keeps: kind.keeps, sent: "new", said: sha256Hex("new")}
				r.run(t, play)
			})
		}
	}
	for name := range endings {
		assert.True(t, played[name], "test %s has no row in docs/uploads.md", name)
	}
}

func TestUploadRowsAboutProcessesHaveTheirTests(t *testing.T) {
	for _, cells := range uploadTable(t, "| row | what happens | reply | file | test |", 5) {
		assert.True(t, isTestOf(t, cells[4]), "row %s names %q, which is not there", cells[0], cells[4])
	}
}

func TestUploadRowsAboutSharedNamesHaveTheirTests(t *testing.T) {
	for _, cells := range uploadTable(t, "| row | shared by | what is promised | test |", 4) {
		for name := range strings.SplitSeq(cells[3], "`, `") {
			assert.True(t, isTestOf(t, name), "row %s names %q, which is not there", cells[0], name)
		}
	}
}

// isTestOf reports whether a test is there that is named as package.Test, or as
// package.Test/sub where it has a table with such a name.
func isTestOf(t *testing.T, name string) bool {
	dir, name, _ := strings.Cut(name, ".")
	if dir == "paradise" {
		dir = "."
	}
	name, sub, _ := strings.Cut(name, "/")
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	return slices.ContainsFunc(files, func(file string) bool {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		return strings.Contains(string(b), "func "+name+"(t *testing.T)") && (sub == "" || strings.Contains(string(b), `"`+sub+`"`))
	})
}

// ending plays one row.
type ending struct {
	server func(*paradise.Server)
	fault  fault
	before []string           // commands before the transfer's
	sent   string             // other than "new"
	secure bool               // control and data connection over TLS
	early  bool               // refused without a 150
	noData bool               // nobody opens the data connection
	play   func(r *endingRun) // sends r.sent and ends
}

// fault makes one operation of the driver go wrong.
type fault struct {
	op string
	do func(ctx context.Context, inner func() error) error
}

func fails(op string, err error) fault {
	return fault{op, func(context.Context, func() error) error { return err }}
}

func panics(op string) fault {
	return fault{op, func(context.Context, func() error) error { panic("injected") }}
}

// blocks obeys its context.
func blocks(op string) fault {
	return fault{op, func(ctx context.Context, _ func() error) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}}
}

// hangs does not obey its context for a long time.
func hangs(op string, after error) fault {
	return fault{op, func(context.Context, func() error) error {
		time.Sleep(time.Hour)
		return after
	}}
}

// slow takes a second and then goes right.
func slow(op string) fault {
	return fault{op, func(_ context.Context, inner func() error) error {
		time.Sleep(time.Second)
		return inner()
	}}
}

// endingRun is one play of one row.
type endingRun struct {
	row     endingRow
	command []string
	old     string
	keeps   int
	sent    string
	said    string // the digest of sent

	w      *world
	ctl    net.Conn // control, perhaps over TLS
	lines  *bufio.Reader
	raw    *memnet.Conn // of the control connection
	data   net.Conn     // perhaps over TLS
	rawd   *memnet.Conn
	driver *endingDriver
	config *tls.Config
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func (r *endingRun) run(t *testing.T, e ending) {
	if e.sent != "" {
		r.sent = e.sent
	}
	cert := paradisetest.Certificate(t)
	inMemory(t, func(srv *paradise.Server) {
		if e.secure {
			// The bubble's clock stands in the year 2000.
			srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		}
		if e.server != nil {
			e.server(srv)
		}
		r.driver = &endingDriver{FileDriver: srv.Files, fault: e.fault}
		srv.Files = r.driver
	}, func(w *world) {
		r.w = w
		if r.old != "" {
			w.files.Put("/f.txt", []byte(r.old))
		}
		r.login(e.secure)
		r.begin(e)
		e.play(r)
		r.hold()
	})
}

func (r *endingRun) login(secure bool) {
	c := r.w.dial()
	r.raw, r.ctl, r.lines = c.conn, c.conn, c.r
	if secure {
		r.say("AUTH TLS", "234")
		r.config = &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(0)}
		r.ctl = tls.Client(r.raw, r.config)
		r.lines = bufio.NewReader(r.ctl)
	}
	r.say("USER auser", "331")
	r.say("PASS secret", "230")
	if secure {
		r.say("PBSZ 0", "200")
		r.say("PROT P", "200")
	}
}

// begin comes as far as the row lets it: to the 150 and the data connection.
func (r *endingRun) begin(e ending) {
	for _, line := range e.before {
		r.say(strings.ReplaceAll(line, "SHA256", r.said), "2")
	}
	addr := r.epsv()
	if !e.noData && !e.early {
		r.rawd = r.w.data(clientAddr, addr)
		r.data = r.rawd
		if e.secure {
			r.data = tls.Client(r.rawd, r.config)
		}
	}
	for _, line := range r.command[:len(r.command)-1] {
		r.say(line, "350")
	}
	last := r.command[len(r.command)-1]
	if e.early {
		r.send(last)
		return
	}
	r.say(last, "150")
}

func (r *endingRun) epsv() netip.AddrPort {
	r.send("EPSV")
	return addrOf(serverAddr.Addr().String() + ":" + epsvPort.FindStringSubmatch(r.expect("229"))[1])
}

func (r *endingRun) send(line string) {
	_, err := io.WriteString(r.ctl, line+"\r\n")
	require.NoError(r.w.t, err)
}

func (r *endingRun) say(line, code string) {
	r.send(line)
	r.expect(code)
}

// expect reads a reply of one line, whose code begins with code.
func (r *endingRun) expect(code string) string {
	line, err := r.lines.ReadString('\n')
	require.NoError(r.w.t, err, "want %s", code)
	require.Truef(r.w.t, strings.HasPrefix(line, code) && line[3] == ' ', "want %s: %s", code, line)
	return line
}

// write sends what the upload is to consist of; a server that takes no more of
// it is part of the play.
func (r *endingRun) write() {
	io.WriteString(r.data, r.sent)
	synctest.Wait()
}

// hold holds the outcome against the row.
func (r *endingRun) hold() {
	t := r.w.t
	gone := r.row.replies == nil
	for _, code := range r.row.replies {
		r.expect(code)
	}
	switch {
	case r.row.goesOn:
		r.say("NOOP", "200")
		r.say("QUIT", "221")
	case !gone:
		_, err := r.lines.ReadByte()
		require.Error(t, err, "the session must end")
	}
	time.Sleep(2 * time.Hour) // whatever is late
	synctest.Wait()
	r.raw.Close()
	if r.rawd != nil {
		r.rawd.Close()
	}
	require.Empty(t, r.w.srv.Stats().Sessions)
	r.holdDriver()
	r.holdFile()
}

// endingCauses are what Abort(...) may name.
var endingCauses = map[string]error{
	"ErrAborted": paradise.ErrAborted, "ErrControlLost": paradise.ErrControlLost, "ErrDataLost": paradise.ErrDataLost,
	"ErrTruncated": paradise.ErrTruncated, "ErrStalled": paradise.ErrStalled, "ErrKicked": paradise.ErrKicked,
	"ErrServerClosed": paradise.ErrServerClosed, "ErrDriverBlocked": paradise.ErrDriverBlocked,
	"ErrSizeMismatch": paradise.ErrSizeMismatch, "ErrDigestMismatch": paradise.ErrDigestMismatch, "ErrBadType": paradise.ErrBadType,
	"ErrBadName": paradise.ErrBadName, "ErrTooLarge": paradise.ErrTooLarge, "ErrNoSpace": paradise.ErrNoSpace, "ErrQuota": paradise.ErrQuota,
}

func (r *endingRun) holdDriver() {
	t := r.w.t
	commits, aborts := r.driver.endings()
	word, cause, _ := strings.Cut(strings.TrimSuffix(r.row.driver, ")"), "(")
	switch word {
	case "nothing":
		require.Zero(t, commits)
		require.Empty(t, aborts)
	case "Commit":
		require.Equal(t, 1, commits)
		require.Empty(t, aborts)
	case "Abort":
		require.Zero(t, commits)
		require.Len(t, aborts, 1)
		if cause != "" {
			want := endingCauses[cause]
			require.NotNil(t, want, "no such cause: %s", cause)
			require.ErrorIs(t, aborts[0], want)
		}
	default:
		t.Fatalf("row %s: driver %q", r.row.name, r.row.driver)
	}
}

func (r *endingRun) holdFile() {
	t := r.w.t
	b, err := r.w.files.Get("/f.txt")
	switch {
	case r.row.file == "new":
		require.NoError(t, err)
		require.Equal(t, r.old[:r.keeps]+r.sent, string(b))
	case r.old == "":
		require.ErrorIs(t, err, fs.ErrNotExist)
	default:
		require.NoError(t, err)
		require.Equal(t, r.old, string(b))
	}
}

// endingDriver lets one operation go wrong and notes how uploads end.
type endingDriver struct {
	paradise.FileDriver
	fault fault

	mu      sync.Mutex
	commits int
	aborts  []error
}

func (d *endingDriver) endings() (commits int, aborts []error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.commits, slices.Clone(d.aborts)
}

func (d *endingDriver) do(ctx context.Context, op string, inner func() error) error {
	if op == d.fault.op {
		return d.fault.do(ctx, inner)
	}
	return inner()
}

func (d *endingDriver) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	var up paradise.Upload
	err := d.do(ctx, "Store", func() (err error) {
		up, err = d.FileDriver.Store(ctx, s, name, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &endingUpload{d: d, ctx: ctx, inner: up}, nil
}

func (d *endingDriver) Stat(ctx context.Context, s *paradise.Session, name string) (e paradise.Entry, err error) {
	err = d.do(ctx, "Stat", func() (err error) {
		e, err = d.FileDriver.Stat(ctx, s, name)
		return err
	})
	return e, err
}

type endingUpload struct {
	d     *endingDriver
	ctx   context.Context
	inner paradise.Upload
}

func (u *endingUpload) Begin(ctx context.Context, info paradise.UploadInfo) error {
	return u.d.do(ctx, "Begin", func() error { return u.inner.Begin(ctx, info) })
}

func (u *endingUpload) Write(p []byte) (n int, err error) {
	if u.d.fault.op == "Write short" {
		return u.inner.Write(p[:len(p)-1])
	}
	err = u.d.do(u.ctx, "Write", func() (err error) {
		n, err = u.inner.Write(p)
		return err
	})
	return n, err
}

func (u *endingUpload) Commit(ctx context.Context) error {
	err := u.d.do(ctx, "Commit", func() error {
		if u.d.fault.op == "Commit late" {
			time.Sleep(time.Hour)
			ctx = context.WithoutCancel(ctx)
		}
		return u.inner.Commit(ctx)
	})
	if err == nil {
		u.d.mu.Lock()
		defer u.d.mu.Unlock()
		u.d.commits++
	}
	return err
}

func (u *endingUpload) Abort(ctx context.Context, cause error) {
	u.d.mu.Lock()
	u.d.aborts = append(u.d.aborts, cause)
	u.d.mu.Unlock()
	u.inner.Abort(ctx, cause)
}

func fin(r *endingRun) {
	r.write()
	r.data.Close()
}

var errInjected = errors.New("injected")

var endings = map[string]ending{
	"fin":   {play: fin},
	"empty": {play: func(r *endingRun) { r.sent = ""; r.data.Close() }},
	"control-closed": {play: func(r *endingRun) {
		r.write()
		r.raw.Close()
		synctest.Wait()
		r.data.Close()
	}},
	"control-reset": {play: func(r *endingRun) {
		r.write()
		r.raw.Reset()
		synctest.Wait()
		r.data.Close()
	}},
	"control-closed-after": {play: func(r *endingRun) {
		fin(r)
		synctest.Wait() // no time has passed
		r.raw.Close()
	}},
	"control-closed-allowed": {
		server: func(srv *paradise.Server) { srv.Policy.AllowLostControl = true },
		play: func(r *endingRun) {
			r.write()
			r.raw.Close()
			synctest.Wait()
			r.data.Close()
		},
	},
	"quit-before-fin": {play: func(r *endingRun) {
		r.write()
		r.send("QUIT")
		synctest.Wait()
		r.data.Close()
	}},
	"quit-and-gone": {play: func(r *endingRun) {
		r.write()
		r.send("QUIT")
		r.data.Close()
		r.raw.Close()
	}},
	"quit-and-nobody": {noData: true, play: func(r *endingRun) {
		r.send("QUIT")
		r.raw.Close()
	}},
	"lost-and-nobody": {
		server: func(srv *paradise.Server) { srv.Policy.AllowLostControl = true },
		noData: true, play: func(r *endingRun) { r.raw.Close() },
	},
	"quit-and-no-handshake": {secure: true, play: func(r *endingRun) {
		r.send("QUIT")
		r.raw.Close()
	}},
	"rst": {play: func(r *endingRun) {
		r.write()
		r.rawd.Reset()
	}},
	"abor": {play: func(r *endingRun) {
		r.write()
		r.send("ABOR")
	}},
	"abor-waiting": {noData: true, play: func(r *endingRun) { r.send("ABOR") }},
	"abor-in-commit": {fault: slow("Commit"), play: func(r *endingRun) {
		fin(r)
		r.inCommit()
		r.send("ABOR")
	}},
	"control-lost-in-commit": {fault: slow("Commit"), play: func(r *endingRun) {
		fin(r)
		r.inCommit()
		r.raw.Reset()
	}},
	"nobody": {noData: true, play: func(*endingRun) {}},
	"stall":  {play: (*endingRun).write},
	"crawl": {
		server: func(srv *paradise.Server) { srv.Policy.MinUploadRate = 1000 },
		play: func(r *endingRun) {
			for range 4 {
				io.WriteString(r.data, "x")
				time.Sleep(10 * time.Second)
			}
		},
	},

	"tls-notify": {secure: true, play: fin},
	"tls-fin": {secure: true, play: func(r *endingRun) {
		r.write()
		r.rawd.Close()
	}},
	"tls-fin-allowed": {
		secure: true,
		server: func(srv *paradise.Server) { srv.Policy.AllowUnclosedTLS = true },
		play: func(r *endingRun) {
			r.write()
			r.rawd.Close()
		},
	},
	"tls-mid-record": {secure: true, play: func(r *endingRun) {
		r.write()
		r.rawd.Write([]byte{23, 3, 3, 1, 0, 0xaa})
		r.rawd.Close()
	}},
	"tls-rst": {secure: true, play: func(r *endingRun) {
		r.write()
		r.rawd.Reset()
	}},
	"tls-handshake": {secure: true, play: func(r *endingRun) {
		io.WriteString(r.rawd, "this is no ClientHello")
		synctest.Wait()
		r.rawd.Close()
	}},
	"tls-not-resumed": {
		secure: true,
		server: func(srv *paradise.Server) { srv.Policy.DataTLSReuse = paradise.ReuseRequire },
		play: func(r *endingRun) {
			r.data = tls.Client(r.rawd, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
			r.write()
			r.rawd.Close()
		},
	},

	"deflate-cut": {before: []string{"MODE Z"}, play: func(r *endingRun) {
		z := deflated(strings.Repeat("new ", 100))
		r.data.Write(z[:len(z)-3])
		r.data.Close()
	}},
	"deflate-damaged": {before: []string{"MODE Z"}, play: func(r *endingRun) {
		z := deflated("new")
		z[len(z)-1]++
		r.data.Write(z)
		r.data.Close()
	}},
	"deflate-behind": {before: []string{"MODE Z"}, play: func(r *endingRun) {
		r.data.Write(append(deflated("new"), deflated("SECOND")...))
		r.data.Close()
	}},
	"deflate-empty": {before: []string{"MODE Z"}, play: func(r *endingRun) {
		r.sent = ""
		r.data.Close()
	}},

	"quota-known":    {fault: fails("Store", paradise.ErrQuota), early: true, play: func(*endingRun) {}},
	"quota":          {fault: fails("Write", paradise.ErrQuota), play: fin},
	"full-known":     {fault: fails("Store", paradise.ErrNoSpace), early: true, play: func(*endingRun) {}},
	"full":           {fault: fails("Write", fmt.Errorf("disk: %w", paradise.ErrNoSpace)), play: fin},
	"full-at-commit": {fault: fails("Commit", fmt.Errorf("disk: %w", paradise.ErrNoSpace)), play: fin},
	"large-known": {
		server: func(srv *paradise.Server) { srv.Policy.MaxFileSize = 20 },
		before: []string{"ALLO 99"}, early: true, play: func(*endingRun) {},
	},
	"large": {
		server: func(srv *paradise.Server) { srv.Policy.MaxFileSize = 20 },
		sent:   strings.Repeat("x", 40), play: fin,
	},

	"allo-hint": {before: []string{"ALLO 99"}, play: fin},
	"allo-strict": {
		server: func(srv *paradise.Server) { srv.Policy.RequireALLO = true },
		before: []string{"ALLO 99"}, play: fin,
	},
	"allo-kept": {
		server: func(srv *paradise.Server) { srv.Policy.RequireALLO = true },
		before: []string{"ALLO 3"}, play: fin,
	},
	"digest-wrong": {before: []string{"SITE EXPECT SHA-256 " + sha256Hex("another")}, play: fin},
	"digest-right": {before: []string{"SITE EXPECT SHA-256 SHA256"}, play: fin},

	"type-refused": {
		server: func(srv *paradise.Server) { srv.Policy.Gate.Deny = []string{"text/*"} },
		play:   fin,
	},
	"name-refused": {
		server: func(srv *paradise.Server) { srv.Policy.Gate.DenyNames = []string{"*.txt"} },
		play:   fin,
	},
	"hook-refused": {server: accepting(func() error { return errInjected }), play: fin},
	"hook-panics":  {server: accepting(func() error { panic("injected") }), play: fin},

	"store-fails":  {fault: fails("Store", errInjected), early: true, play: func(*endingRun) {}},
	"begin-fails":  {fault: fails("Begin", errInjected), play: fin},
	"write-fails":  {fault: fails("Write", errInjected), play: fin},
	"write-short":  {fault: fault{op: "Write short"}, play: fin},
	"commit-fails": {fault: fails("Commit", errInjected), play: fin},
	"commit-taken": {fault: fails("Commit", fs.ErrExist), play: fin},

	"store-panics":  {fault: panics("Store"), early: true, play: func(*endingRun) {}},
	"begin-panics":  {fault: panics("Begin"), play: fin},
	"write-panics":  {fault: panics("Write"), play: fin},
	"commit-panics": {fault: panics("Commit"), play: fin},
	"stat-panics": {
		server: func(srv *paradise.Server) { srv.Policy.Digests = paradise.DigestSHA256 },
		fault:  panics("Stat"), play: fin,
	},

	"store-blocks":  {fault: blocks("Store"), early: true, play: func(*endingRun) {}},
	"begin-blocks":  {fault: blocks("Begin"), play: fin},
	"write-blocks":  {fault: blocks("Write"), play: fin},
	"commit-blocks": {fault: blocks("Commit"), play: fin},

	"write-hangs":       {fault: hangs("Write", nil), play: fin},
	"commit-hangs":      {fault: hangs("Commit", errInjected), play: fin},
	"commit-hangs-done": {fault: fault{op: "Commit late"}, play: fin},

	"kicked": {play: func(r *endingRun) {
		r.write()
		r.kick()
	}},
	"kicked-in-commit": {fault: slow("Commit"), play: func(r *endingRun) {
		fin(r)
		r.inCommit()
		r.kick()
	}},
	"shutdown": {play: func(r *endingRun) {
		go r.w.srv.Shutdown(context.Background())
		synctest.Wait()
		fin(r)
	}},
	"close": {play: func(r *endingRun) {
		r.write()
		require.NoError(r.w.t, r.w.srv.Close())
	}},
	"close-in-commit": {fault: slow("Commit"), play: func(r *endingRun) {
		fin(r)
		r.inCommit()
		require.NoError(r.w.t, r.w.srv.Close())
	}},
}

// inCommit waits until a slow Commit runs: the look at the control connection
// that comes before it takes a moment.
func (r *endingRun) inCommit() {
	time.Sleep(200 * time.Millisecond)
	synctest.Wait()
}

func (r *endingRun) kick() {
	require.NoError(r.w.t, r.w.srv.Kick(r.w.srv.Stats().Sessions[0].ID, nil))
}

func accepting(f func() error) func(*paradise.Server) {
	return func(srv *paradise.Server) {
		srv.AcceptUpload = func(context.Context, *paradise.Session, string, paradise.UploadInfo) error { return f() }
	}
}

// What is behind a stream's end is seen wherever the reads happen to end.
func TestBytesBehindAZlibStreamAreNeverDropped(t *testing.T) {
	first := deflated(strings.Repeat("x", 5000))
	damaged := bytes.Clone(first)
	damaged[2] = 0xff // a kind of block that there is not
	for name, parts := range map[string][][]byte{
		"a second stream":   {append(bytes.Clone(first), deflated("SECOND")...)},
		"ten bytes":         {append(bytes.Clone(first), "0123456789"...)},
		"one byte":          {append(bytes.Clone(first), 0)},
		"a packet later":    {first, []byte("x")},
		"a damaged stream":  {damaged},
		"no stream at all":  {[]byte("plain text")},
		"a long way behind": {append(deflated(""), make([]byte, 40<<10)...), make([]byte, 40<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, nil, func(w *world) {
				c := w.login()
				c.cmd(200, "MODE Z")
				d := c.begin("STOR f")
				for _, part := range parts {
					d.Write(part)
					synctest.Wait()
				}
				c.expect(451)
				d.Close()
				w.missing("/f")
				c.quit()
			})
		})
	}
}

func deflated(s string) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.Bytes()
}
