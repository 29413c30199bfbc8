package paradisetest

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paradiseftp/paradise"
)

// Play runs a transcript: a conversation with a server, written down so that it
// reads as a specification. srv is prepared as by [NewServer] and by the setup
// lines of the file, and nil is a new one. The test fails at the first line that
// is not as written, and where [Server.Close] finds fault.
//
// Empty lines and those that begin with # are comments. Setup comes first:
//
//	@file /a.txt "hello"        a file, of 29 February 2020, 12:34:56
//	@dir /d                     a folder
//	@login [tls]                log in (over TLS) before the first line
//	@tls                        the server has a certificate
//	@policy deny=read,delete    fields of Policy: deny, device, tls, reuse, grant=tree,
//	                            ascii=raw, allo=required, max=bytes, digests
//	@server noepsv              noepsv, noactive, nofiles, readonly
//	@without resume,append      features that the storage lacks
//	@fail Store quota           a method of the storage fails
//	@hold                       reads and listings wait for !release
//	@account name               logins need this account
//	@host name "banner"         a virtual host
//	@banner "text"              the greeting
//	@fresh                      data connections over TLS resume nothing
//	@ipv6                       the server listens on ::1
//
// Then what client and server say. Without @login it begins with the greeting:
//
//	C: NOOP                     a line of the client
//	C! "NOOP\n"                 bytes of the client, quoted as in Go
//	C^ "\xff\xf2"               the same as TCP urgent data
//	C-                          the client closes the control connection
//	C.                          the same, and the session has ended
//	S: 200 OK                   a line of the server
//	S.                          the server closes the control connection
//	D+                          the data connection is opened
//	D> text                     sent over it: a line, or bytes if quoted
//	D< text                     received over it; such lines in a row are all there is
//	D.                          the client closes it
//	D-                          the same without TLS's notice of the end
//	D!                          the client resets it
//	!release                    @hold ends
//	F: /a.txt "hello"           what the storage holds; - for nothing
//
// The data connection is that of the last 227 or 229, or of the last line with
// {active} (as PORT has it), {activeport} or {activebytes} (the port's two), and
// opens at the first line that uses it. After 234 and PROT P connections are TLS.
//
// In lines of the server {n}, {port}, {bytes},
// {addr}, {clock}, {date}, {stamp}, {hex}, {name}, {ip} and {text} stand for what
// may differ; what one stood for can be used in later lines of the client. Bytes
// that are no text stand as \xNN. {long} is 5000 letters.
//
// If the test binary has a boolean flag -update that is set, lines that differ are
// rewritten instead; "S: ?" stands for a reply still to be filled in.
func Play(tb testing.TB, srv *paradise.Server, file string) {
	tb.Helper()
	play(tb, srv, file, updating())
}

func play(tb testing.TB, srv *paradise.Server, file string, update bool) {
	tb.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		tb.Fatalf("paradisetest: %v", err)
	}
	sc, err := parseScript(file, string(text))
	if err != nil {
		tb.Fatalf("%v", err)
	}
	if srv == nil {
		srv = &paradise.Server{}
	}
	p := &player{
		tb:     tb,
		script: sc,
		update: update,
		vars:   map[string]string{"long": strings.Repeat("A", 5000)},
		hold:   make(chan struct{}),
		gone:   make(chan struct{}, 1),
	}
	if err := p.stage(srv); err != nil {
		tb.Fatalf("%v", err)
	}
	s := start(tb, srv, p.listen())
	tb.Cleanup(s.Close)
	if err := p.furnish(); err != nil {
		tb.Fatalf("paradisetest: %s: %v", file, err)
	}
	p.run(s)
	if len(p.changed) > 0 {
		p.rewrite(file)
	}
}

// listen skips the test where @ipv6 asks for what the machine has not.
func (p *player) listen() net.Listener {
	p.tb.Helper()
	addr := "127.0.0.1:0"
	if p.script.ipv6 {
		addr = "[::1]:0"
	}
	l, err := net.Listen("tcp", addr)
	switch {
	case err != nil && p.script.ipv6:
		p.tb.Skipf("no IPv6 here: %v", err)
	case err != nil:
		p.tb.Fatalf("paradisetest: %v", err)
	}
	return l
}

// updating asks for the test binary's own flag, so that this package need not
// register one.
func updating() bool {
	f := flag.Lookup("update")
	if f == nil {
		return false
	}
	g, ok := f.Value.(flag.Getter)
	if !ok {
		return false
	}
	on, _ := g.Get().(bool)
	return on
}

// player is one run of a transcript.
type player struct {
	tb      testing.TB
	script  *script
	update  bool
	changed map[int][]string // new lines by step

	files paradise.FileDriver // without what @hold and @fail put around it
	hold  chan struct{}
	freed bool
	gone  chan struct{} // a session has ended

	client *Client
	data   dataEnd
	vars   map[string]string
	prot   string // argument of a PROT that awaits its reply
	closed bool   // the control connection is
}

func (p *player) run(s *Server) {
	p.tb.Helper()
	p.client = connect(p.tb, s.Addr)
	if p.script.fresh {
		p.client.TLS.ClientSessionCache = nil
	}
	p.tb.Cleanup(p.data.close)
	p.tb.Cleanup(p.release)
	p.enter()
	for i := range p.script.steps {
		if err := p.play(i); err != nil {
			p.tb.Fatalf("%s:%d: %v", p.script.file, p.script.steps[i].line, err)
		}
	}
	p.leave()
}

// enter logs in where the setup says so.
func (p *player) enter() {
	p.tb.Helper()
	switch p.script.login {
	case "":
		return
	case "tls":
		p.client.Reply()
		p.client.StartTLS()
		p.client.Private()
	default:
		p.client.Reply()
	}
	p.client.Login()
}

// leave makes sure that nothing was said beyond what is written.
func (p *player) leave() {
	p.tb.Helper()
	p.data.close()
	p.release()
	if p.closed {
		return
	}
	p.client.Send("QUIT\r\n")
	if r := p.client.Reply(); r.Code != 221 || len(r.Lines) != 1 {
		p.tb.Errorf("%s: more was said at the end: %q", p.script.file, r)
	}
	p.client.Close()
}

func (p *player) release() {
	if !p.freed {
		p.freed = true
		close(p.hold)
	}
}

func (p *player) play(i int) error {
	st := &p.script.steps[i]
	switch st.kind {
	case "C:":
		return p.say(p.fill(st.text[0]))
	case "C!", "C^":
		return p.sayRaw(st)
	case "C-":
		p.closed = true
		return p.client.Close()
	case "C.":
		return p.hangUp()
	case "S:":
		return p.hear(i)
	case "S.":
		p.closed = true
		if rest := p.client.Closed(); rest != "" {
			return fmt.Errorf("before its end the server said %q", rest)
		}
		return nil
	case "!release":
		p.release()
		return nil
	case "F:":
		return p.checkFile(st.text[0])
	}
	return p.playData(i)
}

// hangUp closes the control connection and waits until the session has ended, so
// that what it left can be looked at.
func (p *player) hangUp() error {
	p.closed = true
	p.client.Close()
	select {
	case <-p.gone:
		return nil
	case <-time.After(clientWait):
		return errors.New("the session did not end")
	}
}

func (p *player) say(line string) error {
	if verb, arg, _ := strings.Cut(line, " "); strings.EqualFold(verb, "PROT") {
		p.prot = strings.ToUpper(arg)
	}
	p.client.Send(line + "\r\n")
	return nil
}

func (p *player) sayRaw(st *step) error {
	raw, err := unquote(st.text[0])
	if err != nil {
		return err
	}
	if st.kind == "C^" {
		return sendUrgent(p.client.conn, []byte(raw))
	}
	p.client.Send(raw)
	return nil
}

// fill puts earlier captures, and addresses to connect to, into a line.
func (p *player) fill(line string) string {
	if strings.Contains(line, "{active") {
		host, port, err := p.data.listen(p.ownIP())
		if err != nil {
			p.tb.Fatalf("paradisetest: %v", err)
		}
		line = strings.ReplaceAll(line, "{active}", fmt.Sprintf("%s,%d,%d", strings.ReplaceAll(host, ".", ","), port>>8, port&0xFF))
		line = strings.ReplaceAll(line, "{activeport}", strconv.Itoa(port))
		line = strings.ReplaceAll(line, "{activebytes}", fmt.Sprintf("%d,%d", port>>8, port&0xFF))
	}
	for name, value := range p.vars {
		line = strings.ReplaceAll(line, "{"+name+"}", value)
	}
	return line
}

// ownIP is the client's address.
func (p *player) ownIP() string {
	host, _, err := net.SplitHostPort(p.client.conn.LocalAddr().String())
	if err != nil {
		p.tb.Fatalf("paradisetest: %v", err)
	}
	return host
}

// hear reads as many replies as the step has and compares their lines.
func (p *player) hear(i int) error {
	want := p.script.steps[i].text
	var got []string
	for range countReplies(want) {
		r, err := p.client.read()
		for _, line := range r.Lines {
			got = append(got, visible(line))
		}
		if err != nil {
			return fmt.Errorf("%w\n got %q\nwant %q", err, got, want)
		}
		if err := p.heed(r); err != nil {
			return err
		}
	}
	return p.compare(i, got)
}

// compare holds lines against those of the step, or notes them for an update.
func (p *player) compare(i int, got []string) error {
	want := p.script.steps[i].text
	same := len(got) == len(want)
	for k := 0; same && k < len(got); k++ {
		same = p.matches(want[k], got[k])
	}
	switch {
	case same:
		return nil
	case !p.update:
		return fmt.Errorf("\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	if p.changed == nil {
		p.changed = make(map[int][]string)
	}
	lines := make([]string, len(got))
	for k, line := range got {
		lines[k] = generalize(line)
		if k < len(want) && p.matches(want[k], line) {
			lines[k] = want[k]
		}
		p.matches(lines[k], line)
	}
	p.changed[i] = lines
	return nil
}

// heed does what a reply means for the connections.
func (p *player) heed(r Reply) error {
	switch {
	case r.Code == 234:
		return p.client.secure()
	case r.Code == 221 || r.Code == 421:
		p.closed = true
	case r.Code == 227 || r.Code == 229:
		addr, ok := passiveAddr(r.String(), p.client.conn.RemoteAddr())
		if !ok {
			return fmt.Errorf("no address in %q", r)
		}
		p.data.offered(addr)
	case p.prot != "":
		p.client.private = r.Code == 200 && p.prot == "P" || r.Code != 200 && p.client.private
		p.prot = ""
	}
	return nil
}

// rewrite puts what was said into the file.
func (p *player) rewrite(file string) {
	p.tb.Helper()
	lines := slices.Clone(p.script.lines)
	for i := len(p.script.steps) - 1; i >= 0; i-- {
		now, ok := p.changed[i]
		if !ok {
			continue
		}
		st := &p.script.steps[i]
		fresh := make([]string, len(now))
		for k, text := range now {
			fresh[k] = strings.TrimRight(st.kind+" "+text, " ")
		}
		lines = slices.Replace(lines, st.line-1, st.line-1+len(st.text), fresh...)
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		p.tb.Fatalf("paradisetest: %v", err)
	}
	p.tb.Logf("rewrote %s", file)
}
