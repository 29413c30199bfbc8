package osfs

// A held folder goes wherever other programs move it. One that was renamed within the
// served folder is where the rename has put it, and what is done in it is done there.
// One that was moved out is not ours any more.

// found refuses to work in folders that clients do not find: the served one was
// exchanged, or a folder was moved out of it, removed, or mounted over.
func (d *folder) found(dirs ...*dir) error {
	err := d.lost()
	for _, f := range dirs {
		if err == nil && f != d.top {
			err = d.findable(f)
		}
	}
	if err == nil {
		return nil
	}
	return errGone("Storage was exchanged meanwhile, send the file again", err)
}

// findable looks for a held folder from both ends. The name that it was opened by may
// be another folder's by now, which proves nothing; but if that is on another device,
// something was mounted over the name.
func (d *folder) findable(f *dir) error {
	if _, blind := d.place.(unseen); blind {
		return nil
	}
	held, err := f.self()
	if err != nil {
		return err
	}
	now, err := d.top.stat(f.rel)
	removed := held.links == 0 && (err != nil || !sameFile(now, held)) // some file systems count no links
	if removed || err == nil && now.dev != held.dev {
		return errElsewhere
	}
	below, err := f.below(d.id)
	if err == nil && !below {
		err = errElsewhere
	}
	return err
}
