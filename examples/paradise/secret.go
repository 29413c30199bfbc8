package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/term"
)

// readSecret reads a file that holds one secret. A final line end is not part of it. Errors
// name the flag, because several flags take such a file.
func readSecret(flag, name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("-%s names %s, which does not exist: write the secret to that file, or correct the path",
			flag, name)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("-%s names %s, which this process may not read: give its user the right to", flag, name)
	case err != nil:
		return nil, fmt.Errorf("-%s: %w: name a file that holds the secret alone", flag, err)
	}
	// After a crash a file may have lost its blocks, and then reads as NULs.
	if b = bytes.TrimRight(b, "\r\n"); len(bytes.Trim(b, " \t\x00")) == 0 {
		return nil, fmt.Errorf("-%s names %s, which holds no secret: write it to that file", flag, name)
	}
	return b, nil
}

// readPassword reads one line. On a terminal it does not show the characters.
func readPassword(in io.Reader, prompt io.Writer) (string, error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(prompt, "Password: ")
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(prompt)
		return string(b), err
	}
	text, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if text = strings.TrimRight(text, "\r\n"); text == "" {
		return "", errors.New("no password on standard input")
	}
	return text, nil
}
