package paradise

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"
)

// auth is the AuthDriver for this session, nil if there is none.
func (c *conn) auth() AuthDriver {
	if h, ok := c.env.hosts[c.facts().Host]; ok && h.Auth != nil {
		return h.Auth
	}
	return c.env.auth
}

// logIn asks the AuthDriver and lets the user in or not.
func (c *conn) logIn(cred Credentials) reply {
	arrived := time.Now()
	limits := c.env.admission
	if why, ok := limits.mayTry(c.remoteAddr(), userKey(c.facts().Host, cred.User)); !ok {
		return c.turnedAway(why)
	}
	attempt := limits.attempt(c.remoteAddr())
	defer attempt.end()
	if why, ok := c.awaitTurn(attempt, cred); !ok {
		return c.turnedAway(why)
	}
	user, err := c.authenticate(cred)
	switch {
	case c.ctx.Err() != nil: // the session has ended meanwhile
		return c.goodbye()
	case errors.Is(err, errClientGone):
		return c.turnedAway(refusedGone)
	case err == nil && user != nil:
		return c.enter(cred, user)
	case errors.Is(err, ErrNeedPassword) && !cred.HasPassword:
		return say(331, "User name ok, password required")
	case errors.Is(err, ErrNeedAccount) && cred.Account == "":
		c.login.password, c.login.account = cred.Password, true
		return say(332, "Need account for login")
	case err == nil, errors.Is(err, ErrBadCredentials), errors.Is(err, ErrNeedPassword), errors.Is(err, ErrNeedAccount):
		limits.failed(c.remoteAddr(), userKey(c.facts().Host, cred.User))
		attempt.end()
		return c.loginFailed(cred, ErrBadCredentials, arrived)
	default:
		attempt.end()
		return c.noVerdict(cred, err, arrived)
	}
}

// noVerdict answers a login that the AuthDriver has not decided. It does not count
// against the address.
func (c *conn) noVerdict(cred Credentials, err error, arrived time.Time) reply {
	said, own := errors.AsType[*ReplyError](err)
	c.logLogin(cred.User, err)
	switch {
	case own && said.Code >= 500:
		c.env.counters.failed.Add(1)
		return c.deny(said.Text, arrived)
	case own:
		return reply{code: 421, text: said.Text, err: err, end: true}
	}
	return reply{code: 421, text: "Login service not available, try again later", err: err, end: true}
}

// turnedAway ends the session for a reason of the limits.
func (c *conn) turnedAway(why refusal) reply {
	c.env.counters.refuse(why)
	return reply{code: 421, text: why.text(), end: true}
}

// awaitTurn waits until the AuthDriver may be asked, or says why it is not to be.
// The wait is no driver's.
func (c *conn) awaitTurn(t *attempt, cred Credentials) (refusal, bool) {
	select {
	case <-t.turn:
	default:
		c.called(false)
		why, ok := c.standInLine(t)
		c.called(true)
		if !ok {
			return why, false
		}
	}
	switch {
	case c.ctx.Err() != nil:
		return refusedClosing, false
	case c.peerGone():
		return refusedGone, false
	case c.env.admission.banned(c.remoteAddr(), userKey(c.facts().Host, cred.User)):
		return refusedBanned, false
	}
	return 0, true
}

// standInLine waits for the turn of t as long as the time for the login lasts, and
// the client is there.
func (c *conn) standInLine(t *attempt) (refusal, bool) {
	over := time.NewTimer(time.Until(c.stranger.Add(c.env.timeouts.Login)))
	defer over.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-t.turn:
			return 0, true
		case <-c.ctx.Done():
			return refusedClosing, false
		case <-over.C:
			return refusedLoginTime, false
		case <-look.C:
			if c.peerGone() {
				return refusedGone, false
			}
		}
	}
}

func (c *conn) authenticate(cred Credentials) (*User, error) {
	auth := c.auth()
	switch {
	case auth == nil, strings.ContainsFunc(cred.User, isControl), cred.User == "":
		return nil, ErrBadCredentials
	case cred.HasPassword && cred.Password == "" && !c.facts().Policy.AllowEmptyPassword:
		return nil, ErrBadCredentials
	}
	ctx, stop := c.whilePeer()
	defer stop()
	user, err := auth.Authenticate(ctx, c.facts(), cred)
	if err != nil && context.Cause(ctx) == errClientGone {
		err = errClientGone
	}
	return user, err
}

func isControl(r rune) bool { return r < ' ' || r == 0x7F }

// enter makes the session the user's own.
func (c *conn) enter(cred Credentials, user *User) reply {
	u := *user
	if u.Name == "" {
		u.Name = cred.User
	}
	policy := c.facts().Policy
	if u.Policy != nil {
		policy = *u.Policy
	}
	counted := userKey(c.facts().Host, u.Name)
	if !c.env.admission.userEntered(counted, policy.MaxSessions) {
		c.logLogin(u.Name, errTooManySessions)
		c.login.reset()
		return say(530, "Too many sessions of this user")
	}
	c.mu.Lock()
	c.counted = counted
	c.mu.Unlock()
	c.update(func(s *Session) { s.User, s.Policy = u, policy })
	if !c.mayLogIn() {
		c.forget()
		return say(530, "TLS is required for this user: use AUTH TLS")
	}
	c.params.cwd = path.Clean("/" + u.Home)
	c.login.reset()
	c.login.tries, c.login.commands = 0, 0
	c.env.admission.succeeded(c.remoteAddr(), userKey(c.facts().Host, cred.User))
	c.env.counters.logins.Add(1)
	c.logLogin(cred.User, nil)
	if !cred.HasPassword {
		return say(232, "Logged in by certificate")
	}
	return say(230, "Password ok, continue")
}

// userKey tells the users of virtual hosts apart.
func userKey(host, name string) string {
	if host == "" {
		return name
	}
	return name + "\n" + host
}

var errTooManySessions = errors.New("paradise: too many sessions of this user")

// loginFailed notes wrong credentials.
func (c *conn) loginFailed(cred Credentials, err error, arrived time.Time) reply {
	c.env.counters.failed.Add(1)
	c.logLogin(cred.User, err)
	return c.deny("Login incorrect", arrived)
}

// deny answers after a time that does not depend on what was wrong, and that grows
// with every try (RFC 2577, 5 and 7).
func (c *conn) deny(text string, arrived time.Time) reply {
	l := &c.env.limits
	c.login.tries++
	c.login.reset()
	if l.FailedDelay > 0 {
		delay := l.FailedDelay << min(c.login.tries-1, 3)
		c.dog.disarm() // this wait is ours
		wait(c.ctx, time.Until(arrived.Add(delay)))
	}
	if l.LoginTries > 0 && c.login.tries >= l.LoginTries {
		c.env.counters.refuse(refusedLoginTries)
		return reply{code: 421, text: refusedLoginTries.text(), end: true}
	}
	return say(530, text)
}

func (c *conn) logLogin(name string, err error) {
	s := c.facts()
	facts := []any{"session", s.ID, "remote", s.Remote.String(), "user", displayed(name), "tls", s.TLS != nil}
	if err != nil {
		c.env.log.Warn("login failed", append(facts, "error", err)...)
	} else {
		c.env.log.Info("login", facts...)
	}
	c.observe(func() { c.env.hooks.login(c.ctx, LoginEvent{Session: s, Name: name, Err: err}) })
}

// wait pauses until d has passed or ctx has ended.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
