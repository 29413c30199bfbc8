package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/events"
	"github.com/paradiseftp/paradise/memfs"
)

// A server that logs through a Writer does not wait for a terminal or a pipe.
func ExampleWriter() {
	lines := events.NewWriter(os.Stderr, 1<<20)
	lines.Dropping = func(n uint64) []byte { return fmt.Appendf(nil, "%d lines are missing here\n", n) }
	srv := &paradise.Server{
		Auth:   paradise.Accounts{"auser": "secret"},
		Files:  memfs.New(),
		Logger: slog.New(slog.NewTextHandler(lines, nil)),
	}
	// ... serve, and at the end:
	srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	fmt.Println(lines.Close(ctx), lines.Dropped())
	// Output: <nil> 0
}
