package paradise

import (
	"context"
	"fmt"
	"strings"
)

// Command is a verb of the host program, for Server.Commands or SiteCommands.
type Command struct {
	// Name is the verb: letters and digits, at most 12.
	Name string
	// NeedLogin answers 530 before login. Zero: it works before login too. SITE
	// commands always need it.
	NeedLogin bool
	// NeedArg answers 501 without an argument.
	NeedArg bool
	// Perm answers 550 to users to whom one of these is denied.
	Perm Perm
	// Syntax of the argument, for HELP.
	Syntax string
	// Feat is its line in FEAT. Empty: none. Not used for SITE commands.
	Feat string
	// Hidden keeps a secret argument out of the log, Stats and the hooks.
	Hidden bool
	// Run does it. Files is the session's storage, before login that of users who
	// have no other. The reply's Code must be a final one; its text may have
	// several lines. An error chooses the reply as a driver's does.
	Run func(ctx context.Context, s *Session, files FileDriver, arg string) (Reply, error)
}

// Reply is what a [Command] answers.
type Reply struct {
	Code int // 200 to 599
	Text string
}

func (h *Command) check() error {
	switch {
	case h.Name == "" || len(h.Name) > 12 || strings.ContainsFunc(h.Name, notAlphanumeric):
		return fmt.Errorf("paradise: %q is no name for a command: use up to 12 letters and digits", h.Name)
	case h.Run == nil:
		return fmt.Errorf("paradise: command %q has no Run", h.Name)
	}
	return nil
}

func notAlphanumeric(r rune) bool { return r > 0x7F || !isAlphanumeric(byte(r)) }

// row makes a row of the command table; every final code is the host's to give.
func (h *Command) row(name string) *command {
	needs := early | storage
	if h.NeedLogin {
		needs = needLogin | storage
	}
	if h.NeedArg {
		needs |= needArg
	}
	if h.Hidden {
		needs |= hidden
	}
	return &command{
		name: name, syntax: h.Syntax, feat: h.Feat, ref: "host program",
		needs: needs, perm: h.Perm,
		run: h.run,
	}
}

func (h *Command) site(name string) *siteCommand {
	args := 0
	if h.NeedArg {
		args = 1
	}
	return &siteCommand{name: name, perm: h.Perm, args: args, hidden: h.Hidden, syntax: h.Syntax, run: h.run}
}

func (h *Command) run(c *conn, arg string) reply {
	answer, err := h.Run(c.ctx, c.facts(), c.files(), arg)
	if err != nil {
		return replyFor(err, 502)
	}
	if answer.Code < 200 || answer.Code > 599 {
		return replyFor(fmt.Errorf("paradise: command %s answered with code %d", h.Name, answer.Code), 502)
	}
	r := textReply(answer.Code, answer.Text)
	r.err = errHostReply
	return r
}

// extend adds the host program's commands.
func (t *commandTable) extend(commands, site []Command) error {
	for _, h := range commands {
		name := strings.ToUpper(h.Name)
		if err := h.check(); err != nil {
			return err
		}
		if t.rows[name] != nil {
			return fmt.Errorf("paradise: Commands has %s, which paradise has already: give it another name", name)
		}
		t.rows[name] = h.row(name)
	}
	for _, h := range site {
		name := strings.ToUpper(h.Name)
		if err := h.check(); err != nil {
			return err
		}
		if t.site[name] != nil {
			return fmt.Errorf("paradise: SiteCommands has %s, which paradise has already: give it another name", name)
		}
		t.site[name] = h.site(name)
	}
	return nil
}
