// Package monitor shows a [paradise.Server] to the people and programs that
// look after it: a live page, the same facts as text and JSON, metrics for
// Prometheus, health checks, and two actions.
//
//	page, err := monitor.New(srv, monitor.Options{})
//	if err != nil {
//		return err
//	}
//	hs := &http.Server{Handler: page, ReadHeaderTimeout: 10 * time.Second}
//	hs.RegisterOnShutdown(page.Close)
//	return hs.Serve(l)
//
// What answers where:
//
//	GET  /                     the page to browsers, the text form to all others
//	GET  /stats.json           a [Snapshot] with every session
//	GET  /events               server-sent events: "history" once, then "stats" each second
//	GET  /metrics              Prometheus' text format
//	GET  /healthz              200 while the program lives
//	GET  /readyz               200, or 503 within a second of the begin of a drain, and while Options.Ready has an error
//	POST /sessions/{id}/kick   ends a session
//	POST /drain                calls [Options].Drain
//
// # Who may look
//
// Over loopback anybody on the machine may read. Everywhere else reading needs
// [Options].Token; without a token such requests are refused. A request counts
// as local if it came in at a loopback address, asks for a loopback name and
// was not forwarded by a proxy; Unix sockets do not count. The health checks
// tell nothing and are open.
//
// # Who may act
//
// Actions need the token: as "Authorization: Bearer", or by signing in on the
// page, which sets a cookie that is good only together with a header the page
// alone can send. Without a token there are no actions.
//
// Requests for a host that is neither loopback, nor the address they came in
// at, nor one of [Options].Hosts are refused, and so are those that a page of
// another origin makes.
package monitor
