package journal

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// rotated is the name of a file that is not written any more.
func rotated(path string, segment int64) string { return fmt.Sprintf("%s.%06d", path, segment) }

// segments returns the numbers of the rotated files, in order.
func segments(path string) ([]int64, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var all []int64
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		if !ok || len(number) < 6 {
			continue
		}
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n > 0 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// rotate gives the file its number and begins a new one. It is closed before, as
// some systems demand.
func (l *log) rotate() error {
	l.drop()
	if err := os.Rename(l.path, rotated(l.path, l.segment)); err != nil {
		return err
	}
	if err := l.start(); err != nil {
		return err
	}
	return l.prune()
}

// start makes a file, whole or not at all, that carries on what is open.
func (l *log) start() error {
	l.segment++
	var buf bytes.Buffer
	head := line{Record: Record{Event: begin, Time: now()}, Segment: l.segment}
	if err := encode(&buf, head); err != nil {
		return err
	}
	for _, r := range l.intents() {
		if err := encode(&buf, line{Record: r}); err != nil {
			return err
		}
	}
	fresh := l.path + ".new"
	if err := writeSynced(fresh, buf.Bytes()); err != nil {
		l.segment--
		return err
	}
	if err := os.Rename(fresh, l.path); err != nil {
		l.segment--
		return err
	}
	if l.o.Durable {
		if err := syncFolder(filepath.Dir(l.path)); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	l.f, l.head, l.end, l.torn = f, int64(buf.Len()), int64(buf.Len()), false
	if l.open == nil {
		l.open = make(map[string]Record)
	}
	return nil
}

func writeSynced(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// prune removes rotated files beyond those that are kept.
func (l *log) prune() error {
	if l.o.Keep < 0 {
		return nil
	}
	all, err := segments(l.path)
	if err != nil {
		return err
	}
	for _, n := range all[:max(len(all)-l.o.Keep, 0)] {
		if err := os.Remove(rotated(l.path, n)); err != nil {
			return err
		}
	}
	return nil
}

// readHead reads the line that says which segment a file is, and its length.
func readHead(f io.ReaderAt) (segment, length int64, err error) {
	b, err := bufio.NewReader(io.NewSectionReader(f, 0, 1<<12)).ReadBytes('\n')
	if err != nil && err != io.EOF {
		return 0, 0, err
	}
	l, ok := decode(b)
	if !ok || l.Event != begin || l.Segment <= 0 {
		return 0, 0, fmt.Errorf("the file there is no journal")
	}
	return l.Segment, int64(len(b)), nil
}
