package paradise

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/paradiseftp/paradise/internal/ftptls"
)

// services are the part of env that knows nothing of sessions.
type services struct {
	config
	log       *slog.Logger
	network   network
	tls       *ftptls.Setup // nil: TLS is not possible
	admission *admission
	counters  counters
	stuck     stuckCalls
	awake     atomic.Int64 // sessions that are not parked
}

// config is a frozen copy of the fields of [Server] that sessions read, with defaults
// in place of zeros.
type config struct {
	auth         AuthDriver
	files        FileDriver
	hosts        map[string]Host
	banner       string
	policy       Policy
	passive      PassiveOptions
	active       ActiveOptions
	timeouts     Timeouts
	limits       Limits
	hooks        Hooks
	sniffLen     int
	acceptUpload func(ctx context.Context, s *Session, name string, u UploadInfo) error
}
