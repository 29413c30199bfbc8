package paradise

import (
	"context"
	"net"
	"net/netip"

	"github.com/paradiseftp/paradise/internal/memnet"
)

// InMemory makes srv listen and dial in a network in memory.
func InMemory(srv *Server, n *memnet.Network) {
	srv.network = network{
		listen: func(_ context.Context, local netip.AddrPort) (net.Listener, error) { return n.Listen(local) },
		dial: func(ctx context.Context, local, remote netip.AddrPort) (net.Conn, error) {
			return n.Dial(ctx, local, remote)
		},
	}
}

// Causes are the causes that end transfers, for tests that list endings.
var Causes = []error{ErrAborted, ErrControlLost, ErrDataLost, ErrTruncated, ErrStalled, ErrKicked, ErrServerClosed, ErrDriverBlocked}

// TableVerbs are the rows of the command table, those behind SITE with it before
// them, and the permissions that they name.
func TableVerbs() map[string]Perm {
	table, err := newCommandTable(nil, nil)
	if err != nil {
		panic(err)
	}
	verbs := make(map[string]Perm)
	for name, row := range table.rows {
		verbs[name] = row.perm | row.anyPerm
	}
	for name, row := range table.site {
		verbs["SITE "+name] = row.perm
	}
	return verbs
}
