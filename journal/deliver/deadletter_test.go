package deliver

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/journal"
)

// picky answers by the name in a request; 200 to all that it does not know.
type picky struct {
	status map[string]int
	got    []string
}

func (p *picky) RoundTrip(r *http.Request) (*http.Response, error) {
	var rec journal.Record
	if err := json.NewDecoder(r.Body).Decode(&rec); err != nil {
		return nil, err
	}
	p.got = append(p.got, rec.Name)
	status, known := p.status[rec.Name]
	body := ""
	if !known {
		status = 200
	} else if status >= 400 {
		body = fmt.Sprintf("no %s\xff%s", rec.Name, strings.Repeat("!", 2*maxAnswer))
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// sent counts the requests for a name.
func (p *picky) sent(name string) int {
	synctest.Wait()
	n := 0
	for _, got := range p.got {
		if got == name {
			n++
		}
	}
	return n
}

func (b *bench) picky(status map[string]int) *picky {
	p := &picky{status: status}
	b.o.Client = &http.Client{Transport: p}
	return p
}

func (b *bench) deadLetters() (all []DeadLetter) {
	b.t.Helper()
	text, err := os.ReadFile(b.o.State + ".dead-letters")
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(b.t, err)
	for line := range strings.Lines(string(text)) {
		var d DeadLetter
		if json.Unmarshal([]byte(line), &d) == nil { // else one that was torn
			all = append(all, d)
		}
	}
	return all
}

func TestARecordThatIsRefusedHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(b *bench) {
		p := b.picky(map[string]int{"/bad": 400})
		b.upload("/a", "/bad", "/b")
		s := b.run(3 * time.Minute)
		assert.EqualValues(t, 2, s.Delivered())
		assert.EqualValues(t, 1, s.GivenUp())
		assert.Equal(t, 8, p.sent("/bad"))
		assert.Equal(t, 1, p.sent("/b"))

		letters := b.deadLetters()
		require.Len(t, letters, 1)
		d := letters[0]
		assert.Equal(t, 8, d.Tries)
		assert.Equal(t, "status 400", d.Error)
		assert.Equal(t, maxAnswer, len(d.Answer))
		assert.True(t, strings.HasPrefix(d.Answer, "no /bad?!!"), d.Answer)
		assert.Equal(t, "/bad", d.Record.Name)
		assert.Equal(t, "anna", d.Record.User)
		assert.NotEmpty(t, d.Record.ID)
		assert.WithinDuration(t, time.Now(), d.Time, 3*time.Minute)
		assert.Contains(t, b.log.String(), "given up")
		if runtime.GOOS != "windows" {
			fi, err := os.Stat(b.o.State + ".dead-letters")
			require.NoError(t, err)
			assert.EqualValues(t, 0o600, fi.Mode().Perm())
		}
	})
}

func TestWhichAnswersAreAboutTheRecord(t *testing.T) {
	about := map[int]bool{400: true, 402: true, 406: true, 409: true, 411: true, 413: true, 415: true, 418: true, 422: true, 423: true,
		424: true, 428: true, 431: true, 451: true, 499: true}
	for _, status := range []int{202, 301, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 415, 418, 421, 422, 423, 424, 425,
		426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 507} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.picky(map[string]int{"/f": status})
				b.o.MaxBackoff = time.Second
				b.upload("/f", "/g")
				s := b.run(time.Minute)
				taken := uint64(0)
				if about[status] {
					taken = 1
				} else if status == 202 {
					taken = 2
				}
				assert.Equal(t, taken, s.Delivered(), "an outage waits, whatever it takes")
				assert.Equal(t, about[status], s.GivenUp() == 1)
			})
		})
	}
}

func TestRefusalsAreCountedOverRestartsAndOutages(t *testing.T) {
	inBubble(t, func(b *bench) {
		p := b.picky(map[string]int{"/bad": 422})
		b.upload("/bad", "/b")
		for range 7 {
			b.run(time.Second / 2) // one try
		}
		p.status["/bad"] = 503
		b.run(time.Minute)
		require.Empty(t, b.deadLetters())
		tried := p.sent("/bad")
		p.status["/bad"] = 422
		s := b.run(time.Second / 2)
		assert.EqualValues(t, 1, s.GivenUp())
		assert.Equal(t, tried+1, p.sent("/bad"))
		assert.Equal(t, 1, p.sent("/b"))

		b.upload("/bad", "/c")
		b.run(time.Second / 2)
		assert.Zero(t, p.sent("/c"), "another record is counted from zero")
	})
}

func TestARecordThatCannotBePutAsideIsKept(t *testing.T) {
	inBubble(t, func(b *bench) {
		p := b.picky(map[string]int{"/bad": 400})
		b.o.MaxRefusals = 2
		folder := filepath.Join(filepath.Dir(b.o.State), "later")
		b.o.DeadLetters = filepath.Join(folder, "letters")
		b.upload("/bad", "/b")
		s := b.run(10 * time.Minute)
		assert.Zero(t, s.GivenUp())
		assert.Zero(t, p.sent("/b"))
		assert.Contains(t, b.log.String(), "cannot be put aside, delivery waits")

		require.NoError(t, os.Mkdir(folder, 0o700))
		s = b.run(time.Second)
		assert.EqualValues(t, 1, s.GivenUp())
		assert.Equal(t, 1, p.sent("/b"))
	})
}

func TestATornDeadLetterSpoilsNoOther(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.picky(map[string]int{"/bad": 400, "/worse": 413})
		require.NoError(t, os.WriteFile(b.o.State+".dead-letters", []byte(`{"time":"20`), 0o600))
		b.o.MaxRefusals = 1
		b.upload("/bad", "/worse", "/b")
		b.run(time.Second)
		letters := b.deadLetters()
		require.Len(t, letters, 2)
		assert.Equal(t, []string{"/bad", "/worse"}, []string{letters[0].Record.Name, letters[1].Record.Name})
	})
}

func TestRecordsOfWhichNoRequestCanBeMadeArePutAside(t *testing.T) {
	inBubble(t, func(b *bench) {
		p := b.picky(nil)
		b.o.MaxRefusals = 1
		s, err := New(b.j, b.o)
		require.NoError(t, err)
		st, err := openState(t.Context(), b.o.State)
		require.NoError(t, err)
		defer st.close()
		late := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // JSON has no such year
		require.True(t, s.deliver(t.Context(), st, journal.Record{ID: "w-1", Event: journal.Done, Name: "/late", Time: late}))
		require.True(t, s.deliver(t.Context(), st, journal.Record{ID: "w-\n2", Event: journal.Done, Name: "/id"}))
		assert.Empty(t, p.got)
		letters := b.deadLetters()
		require.Len(t, letters, 2)
		assert.Equal(t, "/late", letters[0].Record.Name)
		assert.Equal(t, "w-\n2", letters[1].Record.ID)
	})
}

func TestRefusalsMayBeWaitedOutForEver(t *testing.T) {
	inBubble(t, func(b *bench) {
		p := b.picky(map[string]int{"/bad": 400})
		b.o.MaxRefusals = -1
		b.upload("/bad", "/b")
		assert.Zero(t, b.run(time.Hour).GivenUp())
		assert.Zero(t, p.sent("/b"))
	})
}
