//go:build !linux

package osfs

import "os"

// mayWrite tries whether the process may write into a file.
func (d *dir) mayWrite(name string) error {
	f, _, err := d.openFile(name, os.O_WRONLY)
	if err != nil {
		return err
	}
	return f.Close()
}
