package osfs_test

import (
	"context"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/osfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// replyTable reads the table of docs/errors.md with this platform's errors: what
// each name is answered with.
func replyTable(t *testing.T) map[string]int {
	text, err := os.ReadFile("../docs/errors.md")
	require.NoError(t, err)
	codes := map[string]int{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.TrimSpace(cells[2]) == "all others" {
			continue
		}
		code, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if err != nil {
			continue
		}
		for name := range strings.FieldsSeq(cells[2]) {
			if strings.HasPrefix(name, "ERROR_") == windows {
				require.NotContains(t, codes, name, "named twice")
				codes[name] = code
			}
		}
	}
	require.NotEmpty(t, codes)
	return codes
}

// failing is a storage whose folders cannot be made because of err.
type failing struct {
	*memfs.FS
	err error
}

func (f *failing) Mkdir(context.Context, *paradise.Session, string) error { return f.err }

// What a client is told of an error is decided on purpose: a transient code makes
// devices try again for ever, a permanent one makes them give up.
func TestErrorsOfTheSystemHaveTheirReplies(t *testing.T) {
	codes := replyTable(t)
	disk := &failing{FS: memfs.New()}
	srv := paradisetest.NewServer(t, &paradise.Server{Files: disk})
	c := srv.Dial()
	c.Login()
	met := map[string]bool{}
	for name, errno := range errnos() {
		want, listed := codes[name]
		if !listed {
			want = 451
		}
		met[name] = listed
		for _, wrapped := range []error{&fs.PathError{Op: "mkdir", Path: "x", Err: errno}, &os.LinkError{Op: "rename", Old: "x", New: "y", Err: errno}} {
			disk.err = osfs.MapError(wrapped)
			assert.ErrorIs(t, disk.err, errno, "for the log")
			assert.Equal(t, want, c.Cmd("MKD x").Code, name)
		}
	}
	for name, code := range codes {
		assert.True(t, met[name] || !expected(name), "%d %s is no error here", code, name)
	}
}
