// Command embedded is a web service that shows the files of a folder, and takes
// new ones by FTP: `curl -T photo.jpg ftp://auser:secret@127.0.0.1:2121/`. Its staff sees
// the FTP server at work below /ftp/, and who is an operator may end sessions there:
// http://boss:secret@127.0.0.1:8080/ftp/.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"

	"github.com/paradiseftp/paradise"
)

func main() {
	const dir = "./shared"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		log.Fatal(err)
	}
	ftp, err := ftpServer(dir)
	if err != nil {
		log.Fatal(err)
	}
	ftpListener, err := net.Listen("tcp", ftp.Addr)
	if err != nil {
		log.Fatal(err)
	}
	webListener, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	web := webServer(dir)
	if err := addMonitor(web, ftp, staff{"boss": {"secret", true}, "guest": {"secret", false}}); err != nil {
		log.Fatal(err)
	}
	if err := serve(ctx, ftp, ftpListener, web, webListener); err != nil {
		log.Fatal(err)
	}
}

func webServer(dir string) *http.Server {
	return &http.Server{Handler: http.FileServerFS(os.DirFS(dir))}
}

// serve runs both servers until ctx ends or one of them fails. Then it stops both in the
// same way, after running transfers have ended.
func serve(ctx context.Context, ftp *paradise.Server, fl net.Listener, web *http.Server, wl net.Listener) error {
	failed := make(chan error, 2)
	go func() { failed <- ftp.Serve(fl) }()
	go func() { failed <- web.Serve(wl) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	return errors.Join(err, ftp.Shutdown(context.Background()), web.Shutdown(context.Background()))
}
