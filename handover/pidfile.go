package handover

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pidFile is a pid file that is written but not yet in place. The zero value means
// no pid file.
type pidFile struct{ temp, path string }

func preparePIDFile(path string, pid int) (pidFile, error) {
	if path == "" {
		return pidFile{}, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return pidFile{}, fmt.Errorf("handover: pid file: %w", err)
	}
	_, err = fmt.Fprintf(f, "%d\n", pid)
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644) // other users may read pid files
	}
	if err != nil {
		os.Remove(f.Name())
		return pidFile{}, fmt.Errorf("handover: pid file: %w", err)
	}
	return pidFile{temp: f.Name(), path: path}, nil
}

func (f pidFile) publish() error {
	if f.path == "" {
		return nil
	}
	if err := os.Rename(f.temp, f.path); err != nil {
		f.discard()
		return fmt.Errorf("handover: pid file: %w", err)
	}
	return nil
}

func (f pidFile) discard() {
	if f.temp != "" {
		os.Remove(f.temp)
	}
}

// removePIDFile removes the file if it still names pid.
func removePIDFile(path string, pid int) error {
	if path == "" {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return fmt.Errorf("handover: pid file: %w", err)
	}
	if strings.TrimSpace(string(b)) != strconv.Itoa(pid) {
		return nil
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("handover: pid file: %w", err)
	}
	return nil
}
