package sock

import (
	"errors"
	"net"
	"os"
	"runtime"
	"time"
)

// drainBytes is what one Drain takes out at most.
const drainBytes = 1 << 20

// Patience returns how long a read of a connection, or an accept of a listener, may take
// to fetch what has come already: 0 if nothing has, a second if something has, and 5 ms
// where nobody tells. A socket that the kernel does not know may have a method
// Readable() bool. The peer's end counts as something that has come.
func Patience(socket any) time.Duration {
	ready, known := readable(socket)
	if s, ok := socket.(interface{ Readable() bool }); ok {
		ready, known = s.Readable(), true
	}
	switch {
	case !known:
		return 5 * time.Millisecond
	case ready:
		return time.Second
	}
	return 0
}

// Drain reads into buf, and forgets, what has come; it does not wait for more. It
// reports whether the peer's end, or an error, was behind it. A close with bytes unread
// sends a reset in place of a FIN.
func Drain(nc net.Conn, buf []byte) (ended bool) {
	for total := 0; total < drainBytes; {
		wait := Patience(nc)
		if wait == 0 {
			return false
		}
		nc.SetReadDeadline(time.Now().Add(wait))
		n, err := nc.Read(buf)
		if err != nil {
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
		total += n
	}
	return false
}

// CloseWrite sends a FIN where the connection can; what the peer sends may still be
// read. It does nothing for nil.
func CloseWrite(nc net.Conn) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// Write writes all of p, unless no byte moves for as long as stall: then it returns
// os.ErrDeadlineExceeded, with the count of those that did move.
func Write(nc net.Conn, p []byte, stall time.Duration) (int, error) {
	total := 0
	progress := time.Now()
	for {
		nc.SetWriteDeadline(WriteDeadline(progress, time.Now(), stall))
		n, err := nc.Write(p[total:])
		total += n
		if n > 0 {
			progress = time.Now()
		}
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(progress) >= stall {
			return total, err
		}
	}
}

// WriteDeadline returns when a write that begins now is to be interrupted and looked at,
// if the last byte moved at progress and none may move for stall. That is several times
// within stall, since the kernel does not tell when in a write its last byte moved.
func WriteDeadline(progress, now time.Time, stall time.Duration) time.Time {
	end, look := progress.Add(stall), now.Add(lookEvery(stall))
	if look.Before(end) {
		return look
	}
	return end
}

// lookEvery is the whole of stall on Windows: a write that is interrupted there does not
// even tell how many bytes had moved.
func lookEvery(stall time.Duration) time.Duration {
	if runtime.GOOS == "windows" {
		return stall
	}
	return min(stall/8, 5*time.Second)
}
