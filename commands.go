package paradise

import (
	"context"
	"errors"
	"slices"
	"time"
)

// newCommandTable adds the host program's verbs to ours.
func newCommandTable(commands, site []Command) (*commandTable, error) {
	t := &commandTable{rows: make(map[string]*command), site: make(map[string]*siteCommand), digests: usableDigests()}
	for _, row := range slices.Concat(
		accessCommands(), unimplementedCommands(), tlsCommands(), paramCommands(), dataCommands(), transferCommands(),
		listCommands(), fileCommands(), attrCommands(), folderCommands(), copyCommands(), hashCommands(),
		infoCommands(), statCommands(), siteCommands(),
	) {
		t.rows[row.name] = row
	}
	for _, row := range slices.Concat(baseSite(), attrSite(), folderSite(), copySite(), hashSite()) {
		t.site[row.name] = row
	}
	if err := t.extend(commands, site); err != nil {
		return nil, err
	}
	for name := range t.rows {
		t.names = append(t.names, name)
	}
	slices.Sort(t.names)
	return t, nil
}

// exec runs one line; true ends the session.
func (c *conn) exec(text string) bool {
	if text == overlong {
		c.tooLong()
		return false
	}
	verb, arg := splitCommand(text)
	if verb == "" {
		return false
	}
	was := c.facts().LoggedIn()
	cmd := c.env.table.rows[verb]
	c.began(cmd, arg)
	arg = c.decode(arg)
	if r, known := c.unknown(cmd, verb); !known {
		c.reply(nil, verb, "", r)
		return r.end
	}
	begun := c.params.source
	r, shown := c.answer(cmd, arg), c.shown(cmd, arg)
	c.breakSequences(cmd, arg, begun)
	if r.job != nil {
		r.job.arg = shown
		if c.start(cmd, r.job) {
			return false
		}
		r = c.goodbye()
	}
	if cmd.needs&needData != 0 {
		c.data.Load().noteRefusal()
	}
	if r.end {
		c.depart()
	}
	c.reply(cmd, verb, shown, r)
	if r.after != nil && !r.end {
		r.after()
	}
	c.mu.Lock()
	c.lastUse = time.Now()
	if was && !c.facts().LoggedIn() {
		c.stranger = c.lastUse
	}
	c.mu.Unlock()
	return r.end || c.blocked()
}

// breakSequences forgets what must be followed at once by its second command (RFC
// 959, 5.4; RFC 3659, 5), whatever this one was answered. begun is the source of a
// rename or copy from before it: one that it has named itself stands.
func (c *conn) breakSequences(cmd *command, arg string, begun *source) {
	keeps := cmd.needs
	if cmd.name == "SITE" {
		keeps |= c.env.table.siteKeeps(arg)
	}
	if keeps&keepsOffset == 0 {
		c.params.clearOffset()
	}
	if keeps&keepsSource == 0 && c.params.source == begun {
		c.params.source = nil
	}
}

// execUrgent answers what need not wait for the transfer x; false queues it.
func (c *conn) execUrgent(text string, x *xfer) bool {
	verb, arg := splitCommand(text)
	cmd := c.env.table.rows[verb]
	switch {
	case verb == "":
		return true
	case cmd == nil:
		return false
	case verb == "ABOR":
		x.abort(ErrAborted)
		return false
	case !x.opened.Load():
		return false // its reply would be taken for the transfer's
	case cmd.needs&urgent != 0, cmd.needs&urgentBare != 0 && arg == "":
	default:
		return false
	}
	cmd.count.Add(1)
	c.reply(cmd, verb, arg, c.answer(cmd, arg))
	return true
}

// began notes a command for people, secrets hidden.
func (c *conn) began(cmd *command, arg string) {
	verb := "OTHER"
	if cmd == nil {
		arg = ""
		c.env.table.others.Add(1)
	} else {
		verb, arg = cmd.name, c.shown(cmd, arg) // the line itself need not be kept
		cmd.count.Add(1)
	}
	c.trace("command", 0, verb, arg)
	c.mu.Lock()
	c.verb, c.arg, c.lastLine = verb, arg, time.Now()
	c.mu.Unlock()
}

// shown is an argument as hooks and people see it.
func (c *conn) shown(cmd *command, arg string) string {
	if cmd.needs&hidden != 0 {
		return hiddenArg
	}
	if cmd.name == "SITE" {
		return c.env.table.siteShown(arg)
	}
	return arg
}

// answer checks what the row needs and runs the handler. A panic in a driver or
// hook becomes 451.
func (c *conn) answer(cmd *command, arg string) (r reply) {
	defer func() {
		if p := recover(); p != nil {
			r = c.panicked(p)
		}
	}()
	if r := c.unmet(cmd, arg); r.code != 0 {
		return r
	}
	if r, refused := c.env.hooks.before(c.ctx, c.facts(), cmd.name, c.shown(cmd, arg)); refused {
		return r
	}
	r = c.run(cmd, arg)
	switch {
	case c.leftBehind():
		return c.goodbye()
	case c.blocked():
		return reply{code: 451, text: "Storage did not answer in time", err: ErrDriverBlocked, end: true}
	case r.err != nil && r.err != errHostReply && c.ctx.Err() != nil: // of Close or Kick, which the driver obeyed
		return c.goodbye()
	}
	return r
}

// run is the handler under the watchdog.
func (c *conn) run(cmd *command, arg string) reply {
	c.called(true)
	defer c.called(false)
	return cmd.run(c, arg)
}

// unmet is the refusal for the first need that is not met: syntax, login,
// permission, data channel.
func (c *conn) unmet(cmd *command, arg string) reply {
	s := c.facts()
	switch {
	case !s.LoggedIn() && c.earlyLimit():
		c.env.counters.refuse(refusedEarly)
		return reply{code: 421, text: refusedEarly.text(), end: true}
	case cmd.needs&needArg != 0 && arg == "":
		return say(501, "Syntax: "+cmd.name+" "+cmd.syntax)
	case cmd.needs&needLogin != 0 && !s.LoggedIn():
		return say(530, "Please login with USER and PASS")
	}
	switch {
	case cmd.feature != 0 && c.features()&cmd.feature == 0:
		return say(502, "Not supported by this storage")
	case cmd.digest&^c.env.table.digests != 0:
		return say(502, "This server may not compute "+cmd.digest.String())
	case s.Policy.Deny&cmd.perm != 0, cmd.anyPerm != 0 && s.Policy.Deny&cmd.anyPerm == cmd.anyPerm:
		return say(550, "Permission denied")
	case cmd.needs&needRename != 0 && c.params.sourceOf(false) == nil:
		return say(503, "RNTO needs RNFR first")
	case cmd.needs&needData != 0 && c.data.Load() == nil:
		return say(425, "Use PASV, EPSV, PORT or EPRT first")
	case cmd.needs&needData != 0 && !c.mayTransfer():
		return say(521, "Data connections must be private: use PROT P")
	}
	return reply{}
}

// unknown answers verbs outside the table. Nothing of the line is echoed, and a
// client that speaks HTTP is not talked to (ALPACA).
func (c *conn) unknown(cmd *command, verb string) (reply, bool) {
	if cmd != nil {
		return reply{}, true
	}
	if c.facts().LoggedIn() {
		return say(500, "Unknown command"), false
	}
	switch verb {
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "HOST:":
		c.env.counters.refuse(refusedHTTP)
		return reply{code: 421, text: refusedHTTP.text(), end: true}, false
	}
	c.login.unknown++
	if limit := c.env.limits.BadCommands; limit > 0 && c.login.unknown > limit {
		c.env.counters.refuse(refusedUnknown)
		return reply{code: 421, text: refusedUnknown.text(), end: true}, false
	}
	return say(500, "Unknown command"), false
}

// earlyLimit counts commands before login.
func (c *conn) earlyLimit() bool {
	c.login.commands++
	limit := c.env.limits.EarlyCommands
	return limit > 0 && c.login.commands > limit
}

// blocked reports whether the last call took too long.
func (c *conn) blocked() bool { return errors.Is(context.Cause(c.ctx), ErrDriverBlocked) }
