// Package vpath resolves the virtual paths that clients name. It is lexical: no
// storage is asked, and keeping a name inside a storage is the driver's job.
package vpath

import (
	"bytes"
	"errors"
	"strings"
)

// Bounds on what a storage is ever asked for.
const (
	MaxLen     = 4096 // of a path, in bytes
	MaxElement = 255  // of one of its elements, in bytes
)

// ErrBadName refuses a path that is too long, has too long an element, or holds
// NUL, CR or LF.
var ErrBadName = errors.New("vpath: bad name")

// Resolve makes arg, relative to cwd unless it begins with a slash, an absolute
// path: it begins with "/", ends without one unless it is the root, and has no
// empty element, "." or "..". ".." at the root stays there. An empty arg is cwd.
// Spaces are part of names wherever they stand. A clean arg is returned as it
// is, without allocation.
func Resolve(cwd, arg string) (string, error) {
	if arg == "" && isClean(cwd) {
		return cwd, nil
	}
	if isClean(arg) {
		return arg, nil
	}
	var stack [256]byte
	b := stack[:0]
	var err error
	if !strings.HasPrefix(arg, "/") {
		if b, err = walk(b, cwd); err != nil {
			return "", err
		}
	}
	if b, err = walk(b, arg); err != nil {
		return "", err
	}
	if len(b) == 0 {
		return "/", nil
	}
	return string(b), nil
}

// isClean reports whether Resolve has nothing to do.
func isClean(p string) bool {
	if len(p) < 2 {
		return p == "/"
	}
	if p[0] != '/' || len(p) > MaxLen || strings.ContainsAny(p, "\x00\r\n") {
		return false
	}
	for rest := p[1:]; ; {
		elem, after, more := strings.Cut(rest, "/")
		if elem == "" || elem == "." || elem == ".." || len(elem) > MaxElement {
			return false
		}
		if !more {
			return true
		}
		rest = after
	}
}

// walk goes from b, a clean path without the root's slash, along p.
func walk(b []byte, p string) ([]byte, error) {
	if strings.ContainsAny(p, "\x00\r\n") {
		return nil, ErrBadName
	}
	for elem := range strings.SplitSeq(p, "/") {
		switch {
		case elem == "" || elem == ".":
		case elem == "..":
			b = b[:max(0, bytes.LastIndexByte(b, '/'))]
		case len(elem) > MaxElement || len(b)+1+len(elem) > MaxLen:
			return nil, ErrBadName
		default:
			b = append(b, '/')
			b = append(b, elem...)
		}
	}
	return b, nil
}
