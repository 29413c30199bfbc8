package paradise_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// rewinding opens files at their begin only; after half of the bytes their reading ends
// with err, if there is one.
type rewinding struct {
	*memfs.FS
	err error
}

func (r *rewinding) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	if offset > 0 {
		return nil, errors.ErrUnsupported
	}
	f, err := r.FS.Open(ctx, s, name, 0)
	if err != nil || r.err == nil {
		return f, err
	}
	return &broken{Reader: io.LimitReader(f, 500), Closer: f, err: r.err}, nil
}

type broken struct {
	io.Reader
	io.Closer
	err error
}

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

// Where the storage takes no offset the bytes before it are read. Why that failed is no
// less told than why the reading of the others did.
func TestAHashOfAPartTellsWhyTheFileCannotBeRead(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		code int
	}{
		{"nothing", nil, 0},
		{"shorter by now", io.EOF, 550},
		{"a disk that fails", errors.New("I/O error"), 451},
		{"cut off", io.ErrUnexpectedEOF, 451},
		{"busy", paradise.ErrBusy, 450},
		{"no right", fs.ErrPermission, 550},
		{"gone", fs.ErrNotExist, 550},
		{"a reply of its own", &paradise.ReplyError{Code: 452, Text: "Come back tomorrow"}, 452},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := &rewinding{memfs.New(), tc.err}
			files.Put("/f", []byte(strings.Repeat("x", 1000)))
			c := paradisetest.NewServer(t, &paradise.Server{Files: files}).Dial()
			c.Login()
			for _, offset := range []string{"600", "100"} { // the reading fails before the offset, or behind
				for _, command := range []string{"HASH f", "XCRC f " + offset + " 900", "MD5 f " + offset + " 900", "XSHA256 f " + offset + " 900"} {
					if command == "HASH f" {
						c.Expect(350, "RANG %s 899", offset)
					}
					r := c.Cmd("%s", command)
					switch beyond := strings.Contains(r.String(), "beyond the end"); {
					case tc.err == nil || tc.err == io.EOF && offset == "100":
						require.Less(t, r.Code, 300, "%s: %s", command, r)
					default:
						require.Equal(t, tc.code, r.Code, "%s: %s", command, r)
						require.Equal(t, tc.err == io.EOF, beyond, "%s: %s", command, r)
					}
				}
			}
		})
	}
}
