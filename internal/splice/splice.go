// Package splice moves bytes from a socket to a file inside the kernel, by way of a pipe,
// which spares a copy of every byte. Only Linux can; elsewhere NewPipe fails with
// errors.ErrUnsupported, and the caller reads and writes.
//
// The runtime splices too (os.File.ReadFrom), but keeps its pipes for later and does not
// return between two portions of a stream. This one belongs to one transfer, and its
// caller counts, bounds and paces each portion.
package splice

import (
	"io"
	"os"
	"syscall"
)

// Size is how many bytes a pipe holds: 1 MiB, the most that Linux gives a user without
// privileges.
const Size = 1 << 20

// Descriptors is how many file descriptors a pipe takes.
const Descriptors = 2

// Pipe holds bytes on their way from a socket to a file. It is for one goroutine at a
// time.
type Pipe struct {
	pipe
	held int // bytes in it
}

// NewPipe returns an empty pipe of Size bytes. It fails where the system has none, where
// descriptors are short, and where the user's pipes are so many already that the system
// would give a small one, through which splicing is slow.
func NewPipe() (*Pipe, error) { return newPipe() }

// Close gives the descriptors back. Bytes that the pipe still holds are lost.
func (p *Pipe) Close() error { return p.close() }

// Buffered returns how many bytes the pipe holds.
func (p *Pipe) Buffered() int { return p.held }

// Fill takes bytes from a socket, most of them at most, as soon as some are there, and
// returns how many. io.EOF is the end of the stream, os.ErrDeadlineExceeded that of the
// socket's read deadline. The pipe should be empty: Fill waits for the socket alone, and
// a full pipe never has room.
func (p *Pipe) Fill(from syscall.RawConn, most int) (int, error) { return p.fill(from, most) }

// Drain moves all that the pipe holds into the file, at its offset, and returns how many
// bytes went there. After an error the rest is still in the pipe, for Read to fetch; some
// files take no splice at all, such as those open for appending.
func (p *Pipe) Drain(to *os.File) (int64, error) { return p.drain(to) }

// Read takes bytes out again. io.EOF: the pipe holds none.
func (p *Pipe) Read(b []byte) (int, error) {
	if p.held == 0 {
		return 0, io.EOF
	}
	return p.read(b)
}
