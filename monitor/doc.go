// Package monitor shows the state of a [paradise.Server] to the people and programs
// that look after it: as a live page, as text and JSON, and as metrics for Prometheus.
// It also answers health checks and offers two actions.
//
//	page, err := monitor.New(srv, monitor.Options{})
//	if err != nil {
//		return err
//	}
//	hs := &http.Server{Handler: page, ReadHeaderTimeout: 10 * time.Second}
//	hs.RegisterOnShutdown(page.Close)
//	return hs.Serve(l)
//
// Its URLs are:
//
//	GET  /                     the page for browsers, the text form for all other clients
//	GET  /stats.json           a [Snapshot] with every session
//	GET  /events               server-sent events: "history" once, then "stats" every second
//	GET  /metrics              metrics in Prometheus' text format
//	GET  /healthz              200 while the program lives
//	GET  /readyz               200 or 503, see below
//	POST /sessions/{id}/kick   ends a session
//	POST /drain                calls [Options].Drain
//
// /readyz answers 503 from at most a second after a drain has started, and while
// [Options].Ready returns an error.
//
// # Read access
//
// Everybody on this machine may read over loopback. Reading from elsewhere needs
// [Options].Token; if no token is set, such requests are refused. A request counts as
// local if it arrived at a loopback address, names a loopback host and was not
// forwarded by a proxy. A request over a Unix socket does not count as local. The
// health checks reveal nothing and are open to everybody.
//
// # Actions
//
// # A login of the host program's
//
// With [Options].Authorize the host program says for each request who may look and who
// may act, in place of both rules above: over loopback, too. The page then has no form to
// sign in, and its actions are there for those who may act.
//
// Requests for a host that is neither loopback, nor the address they came in
// at, nor one of [Options].Hosts are refused, and so are those that a page of
// another origin makes.
package monitor
