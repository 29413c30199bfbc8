// Package handover restarts a server without refusing a connection: the running
// process starts its successor with all its listeners, goes on accepting until
// the successor says that it is ready, then stops accepting and drains. Nothing
// is ever bound twice and no accept queue is lost. Listeners passed by systemd
// (socket activation) come in by the same door.
//
// [Run] is all of it in one call:
//
//	err := handover.Run(ctx, handover.Options{PIDFile: "/run/ftp.pid"}, func(p *handover.Process) (handover.Server, error) {
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
// SIGUSR2 restarts it, the end of ctx stops it, transfers end with their 226 in
// both. A program that wants the steps for itself takes them in this order: [New];
// [Process.Listen] for each listener, and Serve; [NotifyRestart]; [Process.Ready],
// from where on this is the process that counts; [Process.Upgrade] whenever asked.
// After an error of Upgrade nothing has changed; after nil Drain the server, which
// closes the listeners, and exit. [Process.Close] comes last, [Process.Fail]
// before an exit that comes too early.
//
// # What a failed upgrade changes
//
// Nothing. A successor that crashes, exits, hangs or refuses its configuration
// is killed, and [Process.Upgrade] says why. The listeners were never closed.
// Connections that a successor had accepted before it died are lost, so it
// should begin to accept just before Ready.
//
// # Closing listeners
//
// After Upgrade returned nil close the listeners with Close and nothing else, as
// Drain does. Close leaves the shared socket alone as long as another process
// holds it; a shutdown(2) would end it for the successor too. Close them before
// waiting for transfers: as long as the old process holds them it is given new
// connections. A Serve whose listener was closed returns paradise.ErrServerClosed.
//
// # Generations
//
// The first process is generation 0, its successor 1, and so on. The newest may
// be upgraded again while older ones still drain; there is no limit to their
// number. Options.State tells the successor what it should know about them, for
// example where to ask a draining process for its statistics, and with
// paradise.Server.NextIDs where the IDs of its sessions begin.
//
// # Traps that this package keeps away
//
//   - net.TCPListener.File and os.File.Fd turn the shared socket to blocking
//     mode for all processes; descriptors are duplicated without them here.
//   - The executable and the working folder are resolved by New, since the file
//     may be replaced later. Symbolic links are not resolved: a link that points
//     to a new release is followed.
//   - The variables that announce descriptors are removed from the environment
//     by New, so that programs started later do not inherit them.
//   - Go raises RLIMIT_NOFILE at start and gives back the original to a child,
//     which raises it again: no generation loses descriptors.
//   - Standard input, output and error are inherited as they are, so the journal
//     and the terminal stay connected when the older process has gone.
//   - Ready publishes the pid file and tells systemd, and whoever learns of the
//     process there may send SIGUSR2 at once. Go's runtime drops it as long as
//     nobody asked for it: asked for after Ready, such a signal is lost, and its
//     sender waits for a restart that never comes. So ask just before Ready, and
//     obey once Ready has returned; the signal waits in the channel.
//
// # systemd
//
// Use Type=notify (or notify-reload) and ExecReload=kill -USR2 $MAINPID. The
// running process, whom systemd trusts, announces its successor as MAINPID, so
// NotifyAccess=main is enough. With a .socket unit name each socket
// (FileDescriptorName=) as the program's Listen does; sockets of another name
// are found by their address.
//
// Systems without fork and exec (Windows) are not supported: there Listen binds,
// Ready writes the pid file, and Upgrade returns [errors.ErrUnsupported].
package handover
