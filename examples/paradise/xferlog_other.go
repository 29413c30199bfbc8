//go:build !unix

package main

const dontWait = 0

// unread returns false, because on this system files are never named pipes.
func unread(error) bool { return false }
