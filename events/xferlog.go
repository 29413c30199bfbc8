package events

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/printable"
)

// Xferlog returns a TransferEnd hook that writes one line in the format of xferlog(5)
// for every file that was sent or received, complete ("c") or incomplete ("i").
// Listings are not logged. In names, "_" replaces spaces and unprintable characters.
// Each line is one Write. The hook serializes its writes, so w need not be safe for
// concurrent use; a line that w fails to write is lost.
//
//	Sat Feb 29 12:34:56 2020 2 192.0.2.7 1048576 /a.jpg b _ i r anna ftp 0 * c
//
// The fields are: the time at which the transfer ended (local time), its duration in
// seconds, the client's address, stored bytes, name, type (always b), action (_),
// direction (i: received; o: sent), access (a: anonymous; r: real), user, service,
// authentication method (0: none; TLS client certificates are not reported),
// authenticated user (*) and completion status.
func Xferlog(w io.Writer) func(ctx context.Context, e paradise.TransferEvent) {
	var mu sync.Mutex
	return func(_ context.Context, e paradise.TransferEvent) {
		line, ok := xferline(e)
		if !ok {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		io.WriteString(w, line)
	}
}

func xferline(e paradise.TransferEvent) (string, bool) {
	if !e.Begun {
		return "", false // nothing was sent or received
	}
	direction := "i"
	switch e.Verb {
	case "LIST", "NLST", "MLSD":
		return "", false
	}
	if !e.Upload {
		direction = "o"
	}
	status := "c"
	if e.Err != nil || e.Upload && !e.Committed {
		status = "i"
	}
	user := e.Session.User.Name
	access := "r"
	if user == "anonymous" || user == "ftp" {
		access = "a"
	}
	end := e.Started.Add(e.Duration).Format("Mon Jan _2 15:04:05 2006")
	seconds := int64((e.Duration + time.Second/2) / time.Second)
	return fmt.Sprintf("%s %d %s %d %s b _ %s %s %s ftp 0 * %s\n", end, seconds,
		e.Session.Remote.Addr().Unmap(), e.Stored, word(e.Name), direction, access, word(user), status), true
}

// word returns s as one field of a line: not empty, without spaces.
func word(s string) string {
	if s == "" {
		return "*"
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "_") {
		if unicode.IsSpace(r) || !printable.Rune(r) {
			r = '_'
		}
		b.WriteRune(r)
	}
	return b.String()
}
