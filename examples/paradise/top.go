package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Plain sequences that every terminal of today knows.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // the alternate screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	homeCursor  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

const (
	topEvery   = time.Second            // between two looks at the server
	resizeLook = 200 * time.Millisecond // between two looks at the terminal's size
)

// screen is a terminal as top needs it.
type screen struct {
	out  io.Writer
	size func() (width, height int)
	keys <-chan byte // closed: no keyboard any more
	quit <-chan os.Signal
}

// top is the subcommand that shows the sessions live.
func top(args []string, in *os.File, out *os.File, errs io.Writer) error {
	v, err := parseViewer(newFlagSet("top"), args, errs)
	if err != nil {
		return err
	}
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, os.Interrupt, syscall.SIGTERM)
	s := &screen{out: out, quit: quit, size: func() (int, int) { return terminalSize(out) }}
	if term.IsTerminal(int(in.Fd())) {
		old, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return err
		}
		defer term.Restore(int(in.Fd()), old)
		s.keys = readKeys(in)
	}
	io.WriteString(out, enterScreen)
	defer io.WriteString(out, leaveScreen)
	return s.show(v.stats)
}

// terminalSize is a usual one where there is none.
func terminalSize(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// readKeys reads until the program ends: a read of a terminal can't be broken
// off.
func readKeys(in io.Reader) <-chan byte {
	keys := make(chan byte)
	go func() {
		defer close(keys)
		var b [1]byte
		for {
			if _, err := in.Read(b[:]); err != nil {
				return
			}
			keys <- b[0]
		}
	}()
	return keys
}

// show draws what look returns each second, until q or a signal.
func (s *screen) show(look func() (*stats, error)) error {
	ticks := time.NewTicker(topEvery)
	defer ticks.Stop()
	sizes := time.NewTicker(resizeLook)
	defer sizes.Stop()
	text := textOf(look())
	for {
		width, height := s.size()
		if _, err := io.WriteString(s.out, frame(text, width, height)); err != nil {
			return err
		}
		if !s.wait(ticks.C, sizes.C, width, height) {
			return nil
		}
		text = textOf(look())
	}
}

// wait returns false to quit, true when it is time to draw again.
func (s *screen) wait(ticks, sizes <-chan time.Time, width, height int) bool {
	for {
		select {
		case <-s.quit:
			return false
		case key, ok := <-s.keys:
			switch {
			case !ok:
				s.keys = nil
			case key == 'q' || key == 'Q' || key == 3 || key == 4: // ^C, ^D
				return false
			}
		case <-sizes:
			if w, h := s.size(); w != width || h != height {
				return true
			}
		case <-ticks:
			return true
		}
	}
}

func textOf(s *stats, err error) string {
	if err != nil {
		return fmt.Sprintf("The monitor does not answer: %v\n", err)
	}
	return s.table()
}

// frame fits text into the terminal: nothing wraps, nothing scrolls.
func frame(text string, width, height int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > height-1 {
		hidden := len(lines) - (height - 2)
		lines = append(lines[:max(height-2, 0)], fmt.Sprintf("... %d more line(s)", hidden))
	}
	lines = append(lines, "q quits")
	var b strings.Builder
	b.WriteString(homeCursor)
	for i, l := range lines[:min(len(lines), max(height, 1))] {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if cells := []rune(l); len(cells) > width {
			l = string(cells[:width])
		}
		b.WriteString(l + clearLine)
	}
	b.WriteString(clearBelow)
	return b.String()
}
