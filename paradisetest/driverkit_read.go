package paradisetest

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/paradiseftp/paradise"
)

func readRules() []rule {
	return []rule{{
		name:  "open-whole",
		text:  `A reader from offset 0 returns the whole file and then io.EOF; for an empty file io.EOF at once.`,
		needs: MethodOpen,
		seed:  map[string]string{"/f": "0123456789", "/empty": ""},
		check: func(x *exam) {
			for name, want := range map[string]string{"/f": "0123456789", "/empty": ""} {
				got, err := x.readFrom(name, 0)
				x.ok(err, "reading %q", name)
				if got != want {
					x.failf("%q reads as %s; it holds %s", name, short(got), short(want))
				}
			}
		},
	}, {
		name: "open-offset",
		text: `A reader from an offset starts at that byte. From the very end it returns just io.EOF, because
a client may resume a download that was complete.`,
		needs:    MethodOpen,
		features: paradise.FeatureRange,
		seed:     map[string]string{"/f": "0123456789", "/empty": ""},
		check:    checkOpenOffset,
	}, {
		name:     "open-beyond-end",
		text:     `Open beyond the end returns paradise.ErrBadOffset: Open itself does, not the first Read.`,
		needs:    MethodOpen,
		features: paradise.FeatureRange,
		seed:     map[string]string{"/f": "0123456789", "/empty": ""},
		check: func(x *exam) {
			for name, offset := range map[string]int64{"/f": 11, "/empty": 1} {
				_, err := x.d.Open(x.ctx, x.s, name, offset)
				x.wantErr(err, fmt.Sprintf("Open of %q at %d", name, offset), paradise.ErrBadOffset)
			}
		},
	}, {
		name:  "open-many",
		text:  `A file may be open many times; the readers do not disturb each other.`,
		needs: MethodOpen,
		seed:  map[string]string{"/f": patterned(100_000)},
		check: func(x *exam) {
			want := patterned(100_000)
			x.together(20, func(int) error {
				got, err := x.readFrom("/f", 0)
				if err == nil && got != want {
					err = errors.New("one of several readers did not get the content of the file")
				}
				return err
			})
		},
	}, {
		name: "open-survives-overwrite",
		text: `A reader returns the whole file that it opened, even while an upload replaces it. A client never
gets the head of one file with the tail of another.`,
		needs: MethodOpen | MethodStore,
		seed:  map[string]string{"/f": strings.Repeat("old", 100_000)},
		check: checkReaderSurvives,
	}}
}

func checkOpenOffset(x *exam) {
	for _, c := range []struct {
		name   string
		offset int64
		want   string
	}{{"/f", 0, "0123456789"}, {"/f", 1, "123456789"}, {"/f", 9, "9"}, {"/f", 10, ""}, {"/empty", 0, ""}} {
		got, err := x.readFrom(c.name, c.offset)
		x.ok(err, "reading %q from %d on", c.name, c.offset)
		if got != c.want {
			x.failf("%q from %d on reads as %q; it should be %q", c.name, c.offset, got, c.want)
		}
	}
}

func checkReaderSurvives(x *exam) {
	old := strings.Repeat("old", 100_000)
	r, err := x.d.Open(x.ctx, x.s, "/f", 0)
	x.ok(err, `Open("/f")`)
	defer r.Close()
	head := make([]byte, 1000)
	_, err = io.ReadFull(r, head)
	x.ok(err, "reading the head")

	x.put("/f", strings.Repeat("NEW!", 100_000))
	tail, err := io.ReadAll(r)
	x.ok(err, "reading on after the overwrite")
	if got := string(head) + string(tail); got != old {
		x.failf("the reader got %s with %d bytes of the new file in it", short(got), strings.Count(got, "NEW!")*4)
	}
}

// patterned returns data in which every part shows its position.
func patterned(size int) string {
	b := make([]byte, 0, size+16)
	for i := int64(0); len(b) < size; i++ {
		b = append(strconv.AppendInt(b, i, 10), '.')
	}
	return string(b[:size])
}
