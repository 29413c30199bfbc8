package handover_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/handover"
	"github.com/paradiseftp/paradise/memfs"
)

// A whole program: SIGUSR2 restarts it without refusing a connection, SIGTERM
// lets transfers end.
func ExampleRun() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ready := func() {
		fmt.Println("serving")
		stop() // the example ends here; a server does not
	}
	err := handover.Run(ctx, handover.Options{OnReady: ready}, func(p *handover.Process) (handover.Server, error) {
		l, err := p.Listen("ftp", "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		srv := &paradise.Server{
			Auth:   paradise.Accounts{"auser": "secret"},
			Files:  memfs.New(),
			Policy: paradise.Policy{TLS: paradise.TLSOptional},
		}
		p.Go(func() error { return srv.Serve(l) })
		return srv, nil
	})
	fmt.Println(err)
	// Output:
	// serving
	// <nil>
}
