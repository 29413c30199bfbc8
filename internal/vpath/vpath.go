// Package vpath resolves the virtual paths that clients send. It is purely lexical: it
// asks no storage, and keeping a name inside a storage is the driver's job.
package vpath

import (
	"bytes"
	"errors"
	"strings"
)

// These bound the paths that a storage ever gets.
const (
	MaxLen     = 4096 // the longest path, in bytes
	MaxElement = 255  // the longest element of a path, in bytes
)

// ErrBadName means that a path is too long, has an element that is too long, or contains
// NUL, CR or LF.
var ErrBadName = errors.New("vpath: bad name")

// Resolve turns arg, which is relative to cwd unless it starts with a slash, into a clean
// absolute path: it starts with "/", does not end with "/" unless it is the root, and has
// no empty element, "." or "..". At the root ".." stays there. An empty arg means cwd.
// Spaces anywhere are part of a name. A clean arg is returned unchanged, without
// allocation.
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

// isClean reports whether p is a clean absolute path already.
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

// walk appends the elements of p to b, a clean absolute path in which the root is empty.
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
