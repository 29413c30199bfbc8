package paradise

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

func (h *Hooks) connect(ctx context.Context, s *Session) error {
	if h.Connect == nil {
		return nil
	}
	return h.Connect(ctx, s)
}

func (h *Hooks) login(ctx context.Context, e LoginEvent) {
	if h.Login != nil {
		h.Login(ctx, e)
	}
}

// before returns the refusal, if any.
func (h *Hooks) before(ctx context.Context, s *Session, verb, arg string) (reply, bool) {
	if h.Before == nil {
		return reply{}, false
	}
	err := h.Before(ctx, s, verb, arg)
	if err == nil {
		return reply{}, false
	}
	if _, ok := errors.AsType[*ReplyError](err); ok {
		return replyFor(err, 550), true
	}
	return reply{code: 550, text: "Refused", err: err}, true
}

func (h *Hooks) after(ctx context.Context, s *Session, verb, arg string, code int) {
	if h.After != nil {
		h.After(ctx, s, verb, arg, code)
	}
}

func (h *Hooks) disconnect(ctx context.Context, s *Session) {
	if h.Disconnect != nil {
		h.Disconnect(ctx, s)
	}
}

// changed tells the host program of a change.
func (c *conn) changed(verb, name, from string) {
	if h := c.env.hooks.Change; h != nil {
		c.observe(func() { h(c.ctx, ChangeEvent{Session: c.facts(), Verb: verb, Name: name, From: from}) })
	}
}

// observe calls a hook that only looks on: what has happened stands, whether or
// not the hook panics.
func (c *conn) observe(hook func()) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p)
		}
	}()
	hook()
}

// panicked logs a panic of a driver or hook and answers 451.
func (c *conn) panicked(p any) reply {
	c.notePanic("panic in a driver or hook", p)
	err := fmt.Errorf("panic: %v", p)
	return reply{code: 451, text: "Requested action aborted: local error in processing", err: err}
}

// notePanic counts and logs a panic, with the stack of the function that caught it.
func (c *conn) notePanic(what string, p any) {
	c.env.counters.panics.Add(1)
	c.env.log.Error(what, "session", c.facts().ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}
