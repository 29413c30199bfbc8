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

// Play runs a transcript: a conversation with a server that reads like a specification.
// srv is prepared as by [NewServer] and by the setup lines of the file; nil is a new
// server. The test fails at the first line that differs from the transcript, and if
// [Server.Close] finds a fault.
//
// Empty lines and lines that start with # are comments. Setup comes first:
//
//	@file /a.txt "hello"        a file, dated 29 February 2020, 12:34:56
//	@dir /d                     a folder
//	@login [tls]                log in (over TLS) before the first line
//	@tls                        the server has a certificate
//	@policy deny=read,delete    fields of Policy: deny, device, tls, reuse, grant=tree,
//	                            ascii=raw, allo=required, max=bytes, digests
//	@server noepsv              noepsv, noactive, nofiles, readonly
//	@without resume,append      features that the storage does not have
//	@fail Store quota           a method of the storage fails
//	@hold                       reads and listings wait for !release
//	@account name               logins need this account
//	@host name "banner"         a virtual host
//	@banner "text"              the greeting
//	@fresh                      data connections do not resume the TLS session
//	@ipv6                       the server listens on ::1
//
// The conversation follows. Without @login it starts with the greeting:
//
//	C: NOOP                     a line of the client
//	C! "NOOP\n"                 bytes of the client, quoted as in Go
//	C^ "\xff\xf2"               the same, sent as TCP urgent data
//	C-                          the client closes the control connection
//	C.                          the same, then waits until the session has ended
//	S: 200 OK                   a line of the server
//	S.                          the server closes the control connection
//	D+                          the data connection is opened
//	D> text                     the client sends data: a line, or bytes if quoted
//	D< text                     the client receives data; consecutive lines are all of it
//	D.                          the client closes the data connection
//	D-                          the same without TLS's close_notify
//	D!                          the client resets the data connection
//	!release                    ends @hold
//	F: /a.txt "hello"           the content in the storage; - if there is no such file
//
// The data connection is the one of the last 227 or 229 reply, or of the last client
// line with {active} (the argument of PORT), {activeport} (the port) or {activebytes}
// (the two bytes of the port). It opens at the first line that uses it. The control
// connection uses TLS after 234, data connections after PROT P.
//
// In lines of the server {n}, {port}, {bytes}, {addr}, {clock}, {date}, {stamp}, {hex},
// {name}, {ip} and {text} match text that may differ between runs. Later lines of the
// client can use the text that they matched. Bytes that are not text are written as
// \xNN. In lines of the client {long} is a text of 5000 letters.
//
// If the test binary has a boolean flag -update and it is set, Play rewrites lines that
// differ. "S: ?" is a placeholder for a reply that -update fills in.
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

// listen skips the test if the transcript has @ipv6 and the machine has no IPv6.
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

// updating reports whether -update is set. The flag belongs to the test binary, so this
// package need not register one.
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

	files paradise.FileDriver // without the wrapper of @hold and @fail
	hold  chan struct{}
	freed bool          // hold is closed
	gone  chan struct{} // receives when a session has ended

	client *Client
	data   dataEnd
	vars   map[string]string
	prot   string // argument of a PROT whose reply has not come yet
	closed bool   // the control connection is closed
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

// enter logs in if the setup says so.
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

// leave checks that the server has sent nothing beyond the transcript.
func (p *player) leave() {
	p.tb.Helper()
	p.data.close()
	p.release()
	if p.closed {
		return
	}
	p.client.Send("QUIT\r\n")
	if r := p.client.Reply(); r.Code != 221 || len(r.Lines) != 1 {
		p.tb.Errorf("%s: the server sent more than the transcript has: %q", p.script.file, r)
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
			return fmt.Errorf("before it closed the connection, the server sent %q", rest)
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

// hangUp closes the control connection and waits until the session has ended, so that
// the next lines can check the storage.
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

// fill replaces placeholders in a line of the client: those of earlier matches, and
// those for the address of an active data connection.
func (p *player) fill(line string) string {
	if strings.Contains(line, "{active") {
		host, port, err := p.data.listen(p.ownIP())
		if err != nil {
			p.tb.Fatalf("paradisetest: %v", err)
		}
		address := fmt.Sprintf("%s,%d,%d", strings.ReplaceAll(host, ".", ","), port>>8, port&0xFF)
		line = strings.ReplaceAll(line, "{active}", address)
		line = strings.ReplaceAll(line, "{activeport}", strconv.Itoa(port))
		line = strings.ReplaceAll(line, "{activebytes}", fmt.Sprintf("%d,%d", port>>8, port&0xFF))
	}
	for name, value := range p.vars {
		line = strings.ReplaceAll(line, "{"+name+"}", value)
	}
	return line
}

// ownIP returns the client's address.
func (p *player) ownIP() string {
	host, _, err := net.SplitHostPort(p.client.conn.LocalAddr().String())
	if err != nil {
		p.tb.Fatalf("paradisetest: %v", err)
	}
	return host
}

// hear reads as many replies as the step has, and compares their lines.
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

// compare compares lines with those of the step, or notes them for an update.
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

// heed applies the effect of a reply on the connections.
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
