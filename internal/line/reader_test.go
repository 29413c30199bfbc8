package line

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// script is a source that returns one chunk or one error per Read.
type script struct {
	steps []any
	reads int
}

func (s *script) Read(p []byte) (int, error) {
	s.reads++
	if len(s.steps) == 0 {
		return 0, io.EOF
	}
	step := s.steps[0]
	if err, ok := step.(error); ok {
		s.steps = s.steps[1:]
		return 0, err
	}
	chunk := step.(string)
	n := copy(p, chunk)
	if s.steps[0] = chunk[n:]; n == len(chunk) {
		s.steps = s.steps[1:]
	}
	return n, nil
}

func read(steps ...any) (*Reader, *script) {
	src := &script{steps: steps}
	r := new(Reader)
	r.Reset(src)
	return r, src
}

// results reads to the end. The error of a line is written as "!" and its text.
func results(t *testing.T, r *Reader) []string {
	t.Helper()
	var got []string
	for {
		line, err := r.ReadLine()
		switch {
		case err == nil:
			got = append(got, string(line))
		case errors.Is(err, ErrTooLong):
			got = append(got, "!too long")
		case errors.Is(err, io.EOF):
			return got
		default:
			return append(got, "!"+err.Error())
		}
		require.Less(t, len(got), 10_000)
	}
}

const unexpectedEOF = "!unexpected EOF"

var lineRules = []struct {
	name, in string
	want     []string
}{
	{"CRLF ends a line", "NOOP\r\nQUIT\r\n", []string{"NOOP", "QUIT"}},
	{"LF alone ends a line", "NOOP\nQUIT\n", []string{"NOOP", "QUIT"}},
	{"CR alone is data", "A\rB\r\n", []string{"A\rB"}},
	{"only one CR belongs to the end", "A\r\r\n", []string{"A\r"}},
	{"an empty line is a line", "\r\n\n", []string{"", ""}},
	{"spaces stay", " A  B \r\n", []string{" A  B "}},
	{"CR NUL stays", "STOR a\r\x00b\r\n", []string{"STOR a\r\x00b"}},
	{"NUL stays", "STOR a\x00b\r\n", []string{"STOR a\x00b"}},
	{"nothing is no line", "", nil},
	{"a line without end is cut off", "NOOP\r\nQUI", []string{"NOOP", unexpectedEOF}},
	{"options are dropped", "\xff\xfb\x01\xff\xfc\x01\xff\xfd\x01\xff\xfe\x01NOOP\r\n", []string{"NOOP"}},
	{"an option may be LF", "NO\xff\xfb\nOP\r\n", []string{"NOOP"}},
	{"commands within a line are dropped", "NO\xff\xf1OP\xff\xf9\r\xff\xf1\n", []string{"NOOP"}},
	{"IAC IAC is a byte of a name", "STOR \xff\xff\r\n", []string{"STOR \xff"}},
	{"IAC IAC may begin a line", "\xff\xff\r\n", []string{"\xff"}},
	{"IAC before data is dropped alone", "NO\xffOP\xff\r\n", []string{"NOOP"}},
	{"a subnegotiation is dropped", "NO\xff\xfa\x18\n\xff\xff\xf0x\xff\xf0OP\r\n", []string{"NOOP"}},
	{"a subnegotiation is bounded", "\xff\xfa" + strings.Repeat("x", maxSub) + "NOOP\r\n", []string{"NOOP"}},
	{"a stream may end within a command", "NOOP\r\n\xff", []string{"NOOP", unexpectedEOF}},
	{"ABOR, all in line", "\xff\xf4\xff\xf2ABOR\r\n", []string{"ABOR"}},
	{"ABOR, first IAC urgent and lost", "\xf4\xff\xf2ABOR\r\n", []string{"ABOR"}},
	{"ABOR, second IAC urgent and lost", "\xff\xf4\xf2ABOR\r\n", []string{"ABOR"}},
	{"ABOR, data mark urgent and lost", "\xff\xf4\xffABOR\r\n", []string{"ABOR"}},
	{"ABOR after a line", "STAT\r\n\xf4\xf2ABOR\r\n", []string{"STAT", "ABOR"}},
	{"ABOR is not found within a line", "X\xff\xf4\xff\xf2ABOR\r\n", []string{"XABOR"}},
	{"F2 and F4 within a line stay", "STOR \xf2\xf4\r\n", []string{"STOR \xf2\xf4"}},
	{"UTF-8 stays", "STOR Žluťoučký 🐎\r\n", []string{"STOR Žluťoučký 🐎"}},
	{"the longest line is taken", strings.Repeat("x", DefaultMax) + "\r\n", []string{strings.Repeat("x", DefaultMax)}},
	{"one byte more is too long", strings.Repeat("x", DefaultMax+1) + "\n", []string{"!too long"}},
	{"a long line fails once", strings.Repeat("x", 5*DefaultMax) + "\r\nNOOP\r\n", []string{"!too long", "NOOP"}},
	{"each long line fails once", strings.Repeat(strings.Repeat("x", DefaultMax+1)+"\n", 2) + "NOOP\n",
		[]string{"!too long", "!too long", "NOOP"}},
	{"a long line without end", strings.Repeat("x", 5*DefaultMax), []string{"!too long", unexpectedEOF}},
	{"Telnet does not count", strings.Repeat("\xff\xf1", DefaultMax) + "NOOP\r\n", []string{"NOOP"}},
}

func TestLines(t *testing.T) {
	for _, rule := range lineRules {
		t.Run(rule.name, func(t *testing.T) {
			r, _ := read(rule.in)
			assert.Equal(t, rule.want, results(t, r))
		})
	}
}

func TestLinesDoNotDependOnHowTheyArrive(t *testing.T) {
	for _, rule := range lineRules {
		t.Run(rule.name, func(t *testing.T) {
			step := 1 + len(rule.in)/200 // every point, if the input is short
			for at := 0; at <= len(rule.in); at += step {
				r, _ := read(rule.in[:at], os.ErrDeadlineExceeded, rule.in[at:])
				got := results(t, timeoutsIgnored(r))
				require.Equal(t, rule.want, got, "split at %d", at)
			}
			r := new(Reader)
			r.Reset(iotest.OneByteReader(strings.NewReader(rule.in)))
			require.Equal(t, rule.want, results(t, r), "byte by byte")
			r.Reset(iotest.DataErrReader(strings.NewReader(rule.in)))
			require.Equal(t, rule.want, results(t, r), "the end comes with data")
		})
	}
}

// timeoutsIgnored continues to read after timeouts, with the same state of r.
func timeoutsIgnored(r *Reader) *Reader {
	r.src = retrying{r.src}
	return r
}

type retrying struct{ io.Reader }

func (s retrying) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return s.Reader.Read(p)
	}
	return n, err
}

func TestATimeoutKeepsThePartialLine(t *testing.T) {
	r, _ := read("NO", os.ErrDeadlineExceeded, "OP\r", os.ErrDeadlineExceeded, "\n")
	for range 2 {
		_, err := r.ReadLine()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.True(t, r.Partial())
		require.False(t, r.Release(), "what came must stay")
	}
	line, err := r.ReadLine()
	require.NoError(t, err)
	assert.Equal(t, "NOOP", string(line))
	assert.False(t, r.Partial())
}

func TestAnErrorThatCameWithDataIsReportedAfterTheLine(t *testing.T) {
	r := new(Reader)
	r.Reset(iotest.DataErrReader(io.MultiReader(strings.NewReader("NOOP\r\nQU"), iotest.ErrReader(io.ErrClosedPipe))))
	line, err := r.ReadLine()
	require.NoError(t, err)
	assert.Equal(t, "NOOP", string(line))
	_, err = r.ReadLine()
	assert.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestTheEndDropsThePartialLine(t *testing.T) {
	r, _ := read("NOO", io.EOF, "QUIT\r\n")
	_, err := r.ReadLine()
	require.Equal(t, io.ErrUnexpectedEOF, err)
	assert.Zero(t, r.Buffered())
	assert.False(t, r.Partial())
	line, err := r.ReadLine()
	require.NoError(t, err)
	assert.Equal(t, "QUIT", string(line))
	_, err = r.ReadLine()
	assert.Equal(t, io.EOF, err)
}

func TestASourceThatGivesNothingIsGivenUp(t *testing.T) {
	r := new(Reader)
	r.Reset(nothing{})
	_, err := r.ReadLine()
	assert.ErrorIs(t, err, io.ErrNoProgress)
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func TestALineThatIsBufferedCostsNoRead(t *testing.T) {
	r, src := read("NOOP\r\nNOOP\r\nNO", "OP\r\n")
	for _, want := range []int{1, 1, 2} {
		_, err := r.ReadLine()
		require.NoError(t, err)
		assert.Equal(t, want, src.reads)
	}
}

func TestFillReadsOnceAndOnlyWithoutALine(t *testing.T) {
	r, src := read("NO", "OP\r\nQ", "UIT\r\n")
	require.NoError(t, r.Fill())
	assert.Equal(t, 1, src.reads)
	assert.False(t, r.HasLine())
	assert.True(t, r.Partial(), "the line's deadline starts")
	require.NoError(t, r.Fill())
	assert.True(t, r.HasLine())
	require.NoError(t, r.Fill())
	assert.Equal(t, 2, src.reads)
	line, err := r.ReadLine()
	require.NoError(t, err)
	assert.Equal(t, "NOOP", string(line))
	assert.False(t, r.HasLine())
	assert.Equal(t, 1, r.Buffered())
}

func TestHasLineIsTrueOfALineTooLong(t *testing.T) {
	r, src := read(strings.Repeat("x", 100))
	r.Max = 10
	require.NoError(t, r.Fill())
	assert.True(t, r.HasLine())
	_, err := r.ReadLine()
	assert.ErrorIs(t, err, ErrTooLong)
	assert.Equal(t, 1, src.reads)
}

func TestBufferedTellsOfSmuggledBytes(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     int
	}{
		{"nothing behind the line", "AUTH TLS\r\n", 0},
		{"a command behind the line", "AUTH TLS\r\nNOOP\r\n", 6},
		{"half a command", "AUTH TLS\r\nN", 1},
		{"an open Telnet command", "AUTH TLS\r\n\xff", 1},
		{"a Telnet command, whole and gone", "AUTH TLS\r\n\xff\xf1", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := read(c.in)
			_, err := r.ReadLine()
			require.NoError(t, err)
			assert.Equal(t, c.want, r.Buffered())
		})
	}
}

func TestBufferedCountsALineBeingSkipped(t *testing.T) {
	r, _ := read(strings.Repeat("x", 100))
	r.Max = 10
	_, err := r.ReadLine()
	require.ErrorIs(t, err, ErrTooLong)
	assert.Equal(t, 1, r.Buffered())
	assert.True(t, r.Partial())
	assert.True(t, r.Release(), "a line being skipped needs no buffer")
}

func TestAnotherMax(t *testing.T) {
	for _, limit := range []int{1, 10, smallSize - 1, smallSize, smallSize + 1, DefaultMax + 1, 100_000} {
		fits := strings.Repeat("x", limit)
		r, _ := read(fits + "\r\n" + fits + "x\r\n" + fits + "\n")
		r.Max = limit
		assert.Equal(t, []string{fits, "!too long", fits}, results(t, r), limit)
	}
}

func TestAnIdleReaderHoldsNoBuffer(t *testing.T) {
	r, _ := read("NOOP\r\n")
	assert.True(t, r.Release(), "before the first read")
	_, err := r.ReadLine()
	require.NoError(t, err)
	assert.True(t, r.Release())
	assert.Nil(t, r.buf)
}

func TestALongLineHoldsItsBufferNoLongerThanNeeded(t *testing.T) {
	r, _ := read("NOOP\r\n", strings.Repeat("x", 1000)+"\r\n", "NOOP\r\n")
	for _, want := range []int{smallSize, largeSize, smallSize} {
		_, err := r.ReadLine()
		require.NoError(t, err)
		assert.Len(t, r.buf, want)
	}
}

func TestALineTooLongIsNotBuffered(t *testing.T) {
	r := new(Reader)
	r.Reset(io.MultiReader(io.LimitReader(xs{}, 10<<20), strings.NewReader("\r\nNOOP\r\n")))
	_, err := r.ReadLine()
	require.ErrorIs(t, err, ErrTooLong)
	line, err := r.ReadLine()
	require.NoError(t, err)
	assert.Equal(t, "NOOP", string(line))
	assert.LessOrEqual(t, len(r.buf), largeSize)
}

type xs struct{}

func (xs) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestBuffersGoBackWiped(t *testing.T) {
	r, _ := read("PASS secret\r\n")
	line, err := r.ReadLine()
	require.NoError(t, err)
	kept := line[:cap(line)]
	r.put()
	assert.Equal(t, make([]byte, len(kept)), kept)
}

func TestResetForgetsAllButMax(t *testing.T) {
	r, _ := read("NOOP\r\nQUIT\xff")
	r.Max = 100
	_, err := r.ReadLine()
	require.NoError(t, err)
	r.Reset(strings.NewReader("FEAT\r\n"))
	assert.Zero(t, r.Buffered())
	assert.Equal(t, 100, r.Max)
	assert.Equal(t, []string{"FEAT"}, results(t, r))
}

func TestAppendingToALineHarmsNoOther(t *testing.T) {
	r, _ := read("NOOP\nQUIT\n")
	line, err := r.ReadLine()
	require.NoError(t, err)
	_ = append(line, "xxxx"...)
	line, err = r.ReadLine()
	require.NoError(t, err)
	assert.Equal(t, "QUIT", string(line))
}

func TestNoAllocationPerLine(t *testing.T) {
	r := new(Reader)
	r.Reset(&endless{data: []byte("STOR some/name.jpg\r\n")})
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, err := r.ReadLine(); err != nil {
			panic(err)
		}
	}))
}

// endless returns the same data again and again.
type endless struct {
	data []byte
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.data[e.at:])
	e.at = (e.at + n) % len(e.data)
	return n, nil
}

func BenchmarkReadLine(b *testing.B) {
	for _, c := range []struct{ name, in string }{
		{"one per read", "STOR some/name.jpg\r\n"},
		{"pipelined", strings.Repeat("STOR some/name.jpg\r\n", 25)},
		{"long", strings.Repeat("x", 4000) + "\r\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := new(Reader)
			r.Reset(&endless{data: []byte(c.in)})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.ReadLine(); err != nil {
					b.Fatal(err)
				}
				r.Release()
			}
		})
	}
}

// refuser is a script that records the answers to the client.
type refuser struct {
	script
	said []byte
}

func (r *refuser) Refuse(answer []byte) { r.said = append(r.said, answer...) }

func TestTelnetOptionsAreRefused(t *testing.T) {
	for rule, c := range map[string]struct {
		in   []any
		want string
	}{
		"WILL is answered with DONT":             {[]any{"\xff\xfb\x01NOOP\r\n"}, "\xff\xfe\x01"},
		"DO is answered with WONT":               {[]any{"NO\xff\xfd\x03OP\r\n"}, "\xff\xfc\x03"},
		"WONT and DONT need no answer":           {[]any{"\xff\xfc\x01\xff\xfe\x03NOOP\r\n"}, ""},
		"each is answered, in order":             {[]any{"\xff\xfd\x03\xff\xfb\x01NOOP\r\n"}, "\xff\xfc\x03\xff\xfe\x01"},
		"a negotiation may come in pieces":       {[]any{"\xff", "\xfd", "\x03", "NOOP\r\n"}, "\xff\xfc\x03"},
		"a doubled IAC is data":                  {[]any{"NOOP\xff\xff\xfb\r\n"}, ""},
		"a subnegotiation is no negotiation":     {[]any{"\xff\xfa\x18\x01\xff\xf0NOOP\r\n"}, ""},
		"the answer does not wait for the line":  {[]any{"\xff\xfb\x01", errors.New("later")}, "\xff\xfe\x01"},
		"Synch (IP, DM) is not to be negotiated": {[]any{"\xff\xf4\xff\xf2ABOR\r\n"}, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			src := &refuser{script: script{steps: c.in}}
			r := new(Reader)
			r.Reset(src)
			_, err := r.ReadLine()
			assert.Equal(t, c.want, string(src.said), "%v", err)
		})
	}
}
