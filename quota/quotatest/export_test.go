package quotatest

import (
	"context"

	"github.com/paradiseftp/paradise/quota"
)

// Broken returns the rules that a Store breaks.
func Broken(ctx context.Context, open func() quota.Store) []string {
	var names []string
	for _, r := range rules {
		x := &exam{s: open(), ctx: ctx}
		if x.examine(r.check) != nil {
			names = append(names, r.name)
		}
	}
	return names
}

// Rules are the names of all of them.
func Rules() []string {
	var names []string
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}
