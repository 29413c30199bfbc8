package paradise

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"
)

// loginState is what a client said of itself before it was let in.
type loginState struct {
	user     string
	named    bool // USER was said
	password string
	account  bool // ACCT is awaited
	tries    int

	unknown   int
	commands  int
	longLines int
	dequeued  bool // the command being run waited for a transfer
}

// reset forgets the login but not what counts against the connection.
func (l *loginState) reset() {
	l.user, l.named, l.password, l.account = "", false, "", false
}

// auth is the AuthDriver for this session, nil if there is none.
func (c *conn) auth() AuthDriver {
	if h, ok := c.srv.Hosts[c.facts().Host]; ok && h.Auth != nil {
		return h.Auth
	}
	return c.srv.Auth
}

// logIn asks the AuthDriver and lets the user in or not.
func (c *conn) logIn(cred Credentials) reply {
	arrived := time.Now()
	if why, ok := c.srv.state.limits.mayTry(c.remoteAddr(), userKey(c.facts().Host, cred.User)); !ok {
		c.srv.state.counters.refuse(why)
		return reply{code: 421, text: why.text(), end: true}
	}
	user, err := c.authenticate(cred)
	switch {
	case c.ctx.Err() != nil: // the session has ended meanwhile
		return c.goodbye()
	case err == nil && user != nil:
		return c.enter(cred, user)
	case errors.Is(err, ErrNeedPassword) && !cred.HasPassword:
		return say(331, "User name ok, password required")
	case errors.Is(err, ErrNeedAccount) && cred.Account == "":
		c.login.password, c.login.account = cred.Password, true
		return say(332, "Need account for login")
	case err == nil, errors.Is(err, ErrBadCredentials), errors.Is(err, ErrNeedPassword), errors.Is(err, ErrNeedAccount):
		return c.loginFailed(cred, ErrBadCredentials, arrived)
	default:
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
		c.srv.state.counters.failed.Add(1)
		return c.deny(said.Text, arrived)
	case own:
		return reply{code: 421, text: said.Text, err: err, end: true}
	}
	return reply{code: 421, text: "Login service not available, try again later", err: err, end: true}
}

func (c *conn) authenticate(cred Credentials) (*User, error) {
	auth := c.auth()
	switch {
	case auth == nil, strings.ContainsFunc(cred.User, isControl), cred.User == "":
		return nil, ErrBadCredentials
	case cred.HasPassword && cred.Password == "" && !c.facts().Policy.AllowEmptyPassword:
		return nil, ErrBadCredentials
	}
	return auth.Authenticate(c.ctx, c.facts(), cred)
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
	if !c.srv.state.limits.userEntered(counted, policy.MaxSessions) {
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
	c.srv.state.limits.succeeded(c.remoteAddr(), userKey(c.facts().Host, cred.User))
	c.srv.state.counters.logins.Add(1)
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
	c.srv.state.limits.failed(c.remoteAddr(), userKey(c.facts().Host, cred.User))
	c.srv.state.counters.failed.Add(1)
	c.logLogin(cred.User, err)
	return c.deny("Login incorrect", arrived)
}

// deny answers after a time that does not depend on what was wrong, and that grows
// with every try (RFC 2577, 5 and 7).
func (c *conn) deny(text string, arrived time.Time) reply {
	l := &c.srv.state.limits.limits
	c.login.tries++
	c.login.reset()
	if l.FailedDelay > 0 {
		delay := l.FailedDelay << min(c.login.tries-1, 3)
		c.dog.disarm() // this wait is ours
		wait(c.ctx, time.Until(arrived.Add(delay)))
	}
	if l.LoginTries > 0 && c.login.tries >= l.LoginTries {
		c.srv.state.counters.refuse(refusedLoginTries)
		return reply{code: 421, text: refusedLoginTries.text(), end: true}
	}
	return say(530, text)
}

func (c *conn) logLogin(name string, err error) {
	s := c.facts()
	facts := []any{"session", s.ID, "remote", s.Remote.String(), "user", displayed(name), "tls", s.TLS != nil}
	if err != nil {
		c.srv.state.log.Warn("login failed", append(facts, "error", err)...)
	} else {
		c.srv.state.log.Info("login", facts...)
	}
	c.observe(func() { c.srv.Hooks.login(c.ctx, LoginEvent{Session: s, Name: name, Err: err}) })
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
