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

// hold keeps up open for as long as d is; d is closed if up is closed already.
func (d *dir) hold(up *dir) error {
	if _, err := up.retain(); err != nil {
		d.close()
		return err
	}
	d.up = up
	return nil
}
