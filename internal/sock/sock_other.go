//go:build !linux

package sock

import (
	"net"
	"syscall"
)

func peerClosed(net.Conn) (closed, known bool) { return false, false }

func peerReset(net.Conn) bool { return false }

func readable(any) (ready, known bool) { return false, false }

func unread(net.Conn) int { return 0 }

func inlineUrgent(net.Conn) {}

func quickAck(net.Conn) {}

func reuseAddr(syscall.RawConn) error { return nil }

func maxFiles() int { return 8192 }
