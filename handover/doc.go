// Package handover restarts a server without refusing a connection. The running
// process starts its successor with all its listeners and keeps accepting until the
// successor reports that it is ready; then it stops accepting and drains. No address
// is ever bound twice and no accept queue is lost. Listeners that systemd passes on
// (socket activation) are inherited in the same way.
//
// [Run] does everything in one call:
//
//	o := handover.Options{PIDFile: "/run/ftp.pid"}
//	err := handover.Run(ctx, o, func(p *handover.Process) (handover.Server, error) {
//		// read the configuration, check everything
//		srv := &paradise.Server{Auth: accounts, Files: files}
//		l, err := p.Listen("ftp", "tcp", ":21") // inherited, or bound now
//		if err != nil {
//			return nil, err
//		}
//		p.Go(func() error { return srv.Serve(l) })
//		return srv, nil
//	})
//
// SIGUSR2 restarts the server and the end of ctx stops it; either way running
// transfers end with their 226. A program that wants to take the steps itself takes
// them in this order: [New]; [Process.Listen] for each listener, and Serve;
// [NotifyRestart]; [Process.Ready], which puts this process in charge;
// [Process.Upgrade] whenever a restart is requested. If Upgrade returns an error,
// nothing has changed; if it returns nil, Drain the server, which closes the
// listeners, and exit. Call [Process.Close] last, and [Process.Fail] before an exit
// that comes too early.
//
// # What a failed upgrade changes
//
// Nothing. A successor that crashes, exits, hangs or refuses its configuration is
// killed, and [Process.Upgrade] returns the reason. The listeners were never closed.
// Connections that a successor had accepted before it died are lost, so it should
// start to accept just before Ready.
//
// # Closing listeners
//
// After Upgrade has returned nil, close the listeners with Close and nothing else, as
// Drain does. Close leaves the shared socket alone as long as another process holds
// it; shutdown(2) would end it for the successor too. Close the listeners before you
// wait for transfers: the old process gets new connections as long as it holds them.
// Serve returns paradise.ErrServerClosed when its listener has been closed.
//
// # Generations
//
// The first process is generation 0, its successor 1, and so on. The newest may be
// upgraded again while older ones still drain; any number of them may do so.
// Options.State tells the successor what it should know about them, for example where
// to ask a draining process for its statistics, and, with paradise.Server.NextIDs,
// the first ID of its own sessions.
//
// # Traps that this package avoids
//
//   - net.TCPListener.File and os.File.Fd switch the shared socket to blocking mode
//     in all processes. This package duplicates descriptors without them.
//   - The file of the executable may be replaced later, so New resolves its path and
//     the working folder. It does not resolve symbolic links: a link that points to a
//     new release is followed.
//   - New removes the variables that announce descriptors from the environment, so
//     that programs started later do not inherit them.
//   - Go raises RLIMIT_NOFILE at start and restores the original for a child, which
//     raises it again: no generation loses descriptors.
//   - Standard input, output and error are inherited as they are, so the journal and
//     the terminal stay connected after the older process has ended.
//   - Ready publishes the pid file and notifies systemd, and any program that learns
//     the process ID this way may send SIGUSR2 at once. Go's runtime drops a signal
//     that the program has not subscribed to. If the program subscribed only after
//     Ready, such a signal would be lost and its sender would wait for a restart that
//     never comes. So call NotifyRestart just before Ready, and read the channel, in
//     which the signal waits, once Ready has returned.
//
// # systemd
//
// Use Type=notify (or notify-reload) and ExecReload=kill -USR2 $MAINPID. The running
// process, which systemd trusts, announces its successor as MAINPID, so
// NotifyAccess=main is enough. In a .socket unit give each socket the name
// (FileDescriptorName=) that the program passes to Listen; a socket with another name
// is found by its address.
//
// Systems without fork and exec (Windows) are not supported: there Listen binds,
// Ready writes the pid file, and Upgrade returns [errors.ErrUnsupported].
package handover
