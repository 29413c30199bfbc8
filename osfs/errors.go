package osfs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/paradiseftp/paradise"
)

// mapError gives an error of the operating system the meaning that paradise
// knows. The original stays wrapped, for the log.
func mapError(err error) error {
	if err == nil {
		return nil
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		if meaning := cmp.Or(meanings[errno], moreMeanings[errno]); meaning != nil && !errors.Is(err, meaning) {
			return fmt.Errorf("%w: %w", meaning, err)
		}
		return err
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok && escapes(pe.Err) {
		return fmt.Errorf("%w: %w", fs.ErrPermission, err)
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok && escapes(le.Err) {
		return fmt.Errorf("%w: %w", fs.ErrPermission, err)
	}
	return err
}

// Meanings for which paradise has no error of its own.
var (
	errFull          = &paradise.ReplyError{Code: 552, Text: "Directory is full"}
	errElsewhereDisk = &paradise.ReplyError{Code: 550, Text: "Not on the same file system"}
)

// escapes recognizes os.Root's refusal, which has no exported value.
func escapes(err error) bool { return err.Error() == "path escapes from parent" }

// as replaces the meaning of the errors that are one of from.
func as(meaning, err error, from ...error) error {
	for _, f := range from {
		if errors.Is(err, f) {
			return fmt.Errorf("%w: %w", meaning, err)
		}
	}
	return mapError(err)
}

// closing closes what cannot be used after err.
func closing(err error, c io.Closer) error {
	c.Close()
	return err
}

func errSpecial(name string) error {
	return fmt.Errorf("osfs: %q is not a regular file: %w", name, fs.ErrPermission)
}

func errIsDir(name string) error { return fmt.Errorf("osfs: %q: %w", name, paradise.ErrIsDir) }
