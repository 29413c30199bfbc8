package osfs

import "io/fs"

// retain adds a user, unless the last one has gone: the descriptor may belong
// to another file by then.
func (d *dir) retain() (*dir, error) {
	for {
		n := d.users.Load()
		if n == 0 {
			return nil, fs.ErrClosed
		}
		if d.users.CompareAndSwap(n, n+1) {
			return d, nil
		}
	}
}

// close takes a user away; each calls it once.
func (d *dir) close() {
	if d.users.Add(-1) == 0 {
		d.free()
	}
}
