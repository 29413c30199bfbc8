package paradise

import (
	"path"
	"strings"
	"time"
)

func statCommands() []*command {
	return []*command{
		{
			name: "STAT", syntax: "[name]", ref: "RFC 959, 4.1.3",
			needs: early | urgentBare | keepsBoth | storage,
			codes: []int{211, 212, 213, 426, 530},
			run:   cmdStat,
		},
	}
}

// Bounds of what STAT sends over the control connection; LIST has none.
const (
	statLines = 10_000
	statPiece = 16 << 10 // bytes that are gathered before they are sent
)

// cmdStat without a name tells the session's state, also while a transfer runs;
// with one it lists on the control connection.
func cmdStat(c *conn, arg string) reply {
	if arg != "" {
		return c.statName(arg)
	}
	s := c.facts()
	r := reply{code: 211, text: "End of status", body: true, lines: []string{"Status of Paradise"}}
	r.lines = append(r.lines, "Connected to "+s.Remote.Addr().String())
	if s.LoggedIn() {
		r.lines = append(r.lines, "Logged in as "+s.User.Name)
	} else {
		r.lines = append(r.lines, "Not logged in")
	}
	control := "Control connection is clear"
	if s.TLS != nil {
		control = "Control connection is private"
	}
	r.lines = append(r.lines, control)
	c.mu.Lock()
	x := c.xfer
	c.mu.Unlock()
	if x == nil || x.isOver() {
		r.lines = append(r.lines, "TYPE: "+c.typeName()+"; STRU: File; MODE: "+c.modeName(), "No transfer in progress")
		return r
	}
	r.lines = append(r.lines, x.status())
	return r
}

func (x *xfer) status() string {
	text := x.job.verb + " in progress, " + itoa(x.moved.Load()) + " bytes"
	if size := x.size.Load(); size >= 0 {
		text += " of " + itoa(size)
	}
	return text + " in " + clock(time.Since(x.started))
}

func (c *conn) typeName() string {
	if c.asciiType() {
		return "ASCII"
	}
	return "Image"
}

// typeWord is the type's name in the words that clients parse.
func (c *conn) typeWord() string {
	if c.asciiType() {
		return "ASCII"
	}
	return "BINARY"
}

func (c *conn) modeName() string {
	if c.params.deflate {
		return "Deflate"
	}
	return "Stream"
}

// statName lists beside the control connection, so that ABOR and the client's end
// are heard meanwhile.
func (c *conn) statName(arg string) reply {
	s := c.facts()
	switch {
	case !s.LoggedIn():
		return say(530, "Please login with USER and PASS")
	case s.Policy.Deny&PermList != 0:
		return say(550, "Permission denied")
	}
	_, arg = c.listArgs(arg)
	name, err := c.resolve(arg)
	if err != nil {
		return badName(err)
	}
	st := &status{s: s, files: c.files(), name: name, now: time.Now()}
	return reply{job: &job{verb: "STAT", name: name, answers: true, speaks: true, run: st.run}}
}

// status is STAT of a name.
type status struct {
	x     *xfer
	s     *Session
	files FileDriver
	name  string
	now   time.Time
	r     reply // as far as it has not been sent
	bytes int
	lines int
}

func (st *status) run(x *xfer) reply {
	st.x, st.files = x, x.watched(st.files)
	e, err := st.files.Stat(x.ctx, st.s, st.name)
	if err != nil {
		return replyFor(x.reason(err), 550)
	}
	st.r = reply{code: 213, text: "End of status", body: true, lines: []string{"Status of " + quotePath(st.name)}}
	if !e.IsDir() {
		e.Name = path.Base(st.name)
		st.r.lines = append(st.r.lines, listText(e, st.now, st.s.Policy.Zone))
		return st.r
	}
	st.r.code = 212
	if err := st.folder(); err != nil {
		if st.r.begun {
			x.tell(st.r)
		}
		return replyFor(x.reason(err), 550)
	}
	return st.r
}

// folder gathers the lines and sends all but the last of them: memory does not
// depend on how many there are.
func (st *status) folder() error {
	l, err := st.files.List(st.x.ctx, st.s, st.name)
	if err != nil {
		return err
	}
	for e, err := range l {
		if err != nil {
			return err
		}
		line := listText(e, st.now, st.s.Policy.Zone)
		if line == "" {
			continue
		}
		if st.lines++; st.lines > statLines {
			st.r.lines = append(st.r.lines, "... use LIST for the rest")
			return nil
		}
		st.r.lines = append(st.r.lines, line)
		if st.bytes += len(line); st.bytes < statPiece {
			continue
		}
		if err := st.x.tell(st.r); err != nil {
			return err
		}
		st.r.lines, st.r.begun, st.bytes = st.r.lines[:0], true, 0
	}
	return nil
}

func listText(e Entry, now time.Time, zone *time.Location) string {
	return strings.TrimSuffix(string(appendListLine(nil, e, now, zone)), "\r\n")
}
