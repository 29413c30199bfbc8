package history_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/history"
)

// store is a correct storage, except for the faults that a test adds.
type store struct {
	mu    sync.Mutex
	files map[int]string
	bend  func(s *store, o history.Op) (history.Result, bool)
}

func (s *store) Do(o history.Op) history.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bend != nil {
		if r, done := s.bend(s, o); done {
			return r
		}
	}
	a, there := s.files[o.A]
	b, taken := s.files[o.B]
	missing := history.Result{Outcome: history.Missing}
	switch o.Kind {
	case history.StoreNew:
		if there {
			return history.Result{Outcome: history.Taken}
		}
		s.files[o.A] = o.Data
		return history.Result{}
	case history.Store:
		s.files[o.A] = o.Data
		return history.Result{}
	case history.Append:
		s.files[o.A] = a + o.Data
		return history.Result{}
	case history.Resume:
		if o.Offset > len(a) {
			return history.Result{Outcome: history.Beyond}
		}
		s.files[o.A] = a[:o.Offset] + o.Data
		return history.Result{}
	case history.Join:
		if !taken {
			return missing
		}
		s.files[o.A] = a + b
		delete(s.files, o.B)
		return history.Result{}
	}
	if !there {
		return missing
	}
	switch o.Kind {
	case history.Remove:
		delete(s.files, o.A)
	case history.RenameNew, history.CopyNew:
		if taken {
			return history.Result{Outcome: history.Taken}
		}
	}
	switch o.Kind {
	case history.Rename, history.RenameNew:
		delete(s.files, o.A)
		s.files[o.B] = a
	case history.Copy, history.CopyNew:
		s.files[o.B] = a
	}
	return history.Result{Content: a, Size: int64(len(a))}
}

// run returns the history of eight clients of one store.
func run(seed uint64, bend func(s *store, o history.Op) (history.Result, bool)) *history.History {
	s := &store{files: map[int]string{}, bend: bend}
	clients := make([]history.Client, 8)
	for i := range clients {
		clients[i] = s
	}
	return history.Run(clients, history.Plan(seed, len(clients), 8, history.All()))
}

func TestAFolderThatIsRightHasAnOrder(t *testing.T) {
	for seed := range uint64(100) {
		h := run(seed, nil)
		require.Equal(t, history.Ordered, h.Check(time.Minute), "seed %d", seed)
		require.GreaterOrEqual(t, h.Len(), 64)
	}
}

// Each fault may occur in a real storage. A hundred histories must reveal it.
func TestWhatIsWrongIsFound(t *testing.T) {
	for name, bend := range map[string]func(s *store, o history.Op) (history.Result, bool){
		"an append replaces": func(s *store, o history.Op) (history.Result, bool) {
			if o.Kind == history.Append {
				s.files[o.A] = o.Data
			}
			return history.Result{}, o.Kind == history.Append
		},
		"an append is lost": func(s *store, o history.Op) (history.Result, bool) {
			return history.Result{}, o.Kind == history.Append
		},
		"a renamed file stands in both places": func(s *store, o history.Op) (history.Result, bool) {
			a, there := s.files[o.A]
			if o.Kind != history.Rename || !there {
				return history.Result{}, false
			}
			s.files[o.B] = a
			return history.Result{}, true
		},
		"a removed file comes back": func(s *store, o history.Op) (history.Result, bool) {
			_, there := s.files[o.A]
			return history.Result{}, o.Kind == history.Remove && there
		},
		"a new file replaces": func(s *store, o history.Op) (history.Result, bool) {
			if o.Kind == history.StoreNew {
				s.files[o.A] = o.Data
			}
			return history.Result{}, o.Kind == history.StoreNew
		},
		"a rename replaces": func(s *store, o history.Op) (history.Result, bool) {
			a, there := s.files[o.A]
			if o.Kind != history.RenameNew || !there {
				return history.Result{}, false
			}
			delete(s.files, o.A)
			s.files[o.B] = a
			return history.Result{}, true
		},
		"a read is torn": func(s *store, o history.Op) (history.Result, bool) {
			a := s.files[o.A]
			return history.Result{Content: a[:len(a)/2]}, o.Kind == history.Read && a != ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(100) {
				h := run(seed, bend)
				if h.Check(time.Minute) == history.Broken {
					text := h.Explain()
					assert.Contains(t, text, "no order has these too")
					assert.LessOrEqual(t, strings.Count(text, "\n"), h.Len()+1)
					return
				}
			}
			t.Fatal("not found in a hundred histories")
		})
	}
}

func TestALostAnswerMayMeanEither(t *testing.T) {
	for _, done := range []bool{false, true} {
		for seed := range uint64(20) {
			n := 0
			h := run(seed, func(s *store, o history.Op) (history.Result, bool) {
				if n++; n%7 != 0 || o.Kind != history.Append {
					return history.Result{}, false
				}
				if done {
					s.files[o.A] += o.Data
				}
				return history.Result{Outcome: history.Lost}, true
			})
			require.Equal(t, history.Ordered, h.Check(time.Minute), "seed %d", seed)
		}
	}
}

func TestWhatIsLeftCounts(t *testing.T) {
	h := history.Run([]history.Client{history.ClientFunc(func(history.Op) history.Result { return history.Result{} })},
		[][]history.Op{{{Kind: history.Store, Data: "x"}}})
	h.Add(history.Op{Kind: history.Read}, history.Result{Content: "x"})
	assert.Equal(t, history.Ordered, h.Check(time.Minute))
	h.Add(history.Op{Kind: history.Read}, history.Result{Outcome: history.Missing})
	assert.Equal(t, history.Broken, h.Check(time.Minute))
}

// An upload whose answer was lost and whose data nobody read may have been done all the
// same: another answer shows it.
func TestALostUploadThatNobodyReadMayBeWhatExplainsTheRest(t *testing.T) {
	for rule, c := range map[string]struct {
		size int64
		want history.Verdict
	}{
		"it was not done": {12, history.Ordered},
		"it was done":     {6, history.Ordered},
		"neither":         {18, history.Broken},
	} {
		t.Run(rule, func(t *testing.T) {
			h := &history.History{}
			h.Add(history.Op{Kind: history.Store, Data: "00.00;"}, history.Result{})
			h.Add(history.Op{Kind: history.Append, Data: "00.01;"}, history.Result{})
			h.Add(history.Op{Kind: history.Store, Data: "01.00;"}, history.Result{Outcome: history.Lost, Ended: true})
			h.Add(history.Op{Kind: history.Size}, history.Result{Size: c.size})
			require.Equal(t, c.want, h.Check(time.Minute))
		})
	}
}
