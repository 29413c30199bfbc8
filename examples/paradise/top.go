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

// These escape sequences work on every modern terminal.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // the alternate screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	homeCursor  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

const (
	topEvery   = time.Second            // how often the server is asked
	resizeLook = 200 * time.Millisecond // how often the size of the terminal is checked
)

// screen is the terminal of top.
type screen struct {
	out  io.Writer
	size func() (width, height int)
	keys <-chan byte // closed when the keyboard has gone
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

// terminalSize returns the size of a terminal, or 80 by 24 if f is none.
func terminalSize(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// readKeys reads until the program ends, because a read from a terminal cannot be
// interrupted.
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

// show draws the result of look every second, until q or a signal.
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

// wait waits until it is time to draw again. It returns false to quit.
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

// frame cuts text so that it fits into the terminal: nothing wraps or scrolls.
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
