package journal

import "os"

// Crash ends j as the death of its process would: nothing is written any more, and
// its locks are free.
func (j *Journal) Crash() {
	j.flush.Lock()
	defer j.flush.Unlock()
	crashed := error(os.ErrProcessDone)
	j.log.failed.Store(&crashed)
	j.log.life.Close()
	j.log.f.Close()
	j.log.lock.Close()
}

// OnPut and OnSync replace how the file is written and synced.
func (j *Journal) OnPut(put func(f *os.File, b []byte) (int, error)) { j.log.put = put }

func (j *Journal) OnSync(sync func(f *os.File) error) { j.log.sync = sync }

// Waiting returns how many records wait for the write that runs.
func (j *Journal) Waiting() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next == nil {
		return 0
	}
	return len(j.next.records)
}
