package quota

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a [Memory] that is kept in a JSON file from one run to the next, which
// spares the scans. It is written, whole or not at all, when it is closed. While
// it is open the file says so; what a crash leaves is that, and then all accounts
// are counted anew: a number that may be wrong is never trusted.
type File struct {
	*Memory
	path string
	id   string // of whom the file belongs to
}

type fileContent struct {
	Open  string           `json:"open,omitempty"` // who has it; empty if closed well
	Usage map[string]Usage `json:"usage,omitempty"`
}

// OpenFile opens or makes the file. Where two processes have it open, as during
// a restart, it belongs to the one that opened it last.
func OpenFile(path string) (*File, error) {
	c, err := readFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f := &File{Memory: NewMemory(), path: path, id: rand.Text()}
	if c.Open == "" && c.Usage != nil {
		f.restore(c.Usage)
	}
	return f, writeFile(path, fileContent{Open: f.id})
}

// Close writes the usage, unless another process has the file by now. Close it
// after the server; later changes are lost.
func (f *File) Close() error {
	c, err := readFile(f.path)
	if err != nil {
		return err
	}
	if c.Open != f.id {
		return nil
	}
	return writeFile(f.path, fileContent{Usage: f.snapshot()})
}

func readFile(path string) (fileContent, error) {
	var c fileContent
	b, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("quota: %s: %w", path, err)
	}
	return c, nil
}

func writeFile(path string, c fileContent) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".quota-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
