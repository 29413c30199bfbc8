package main

import (
	"strconv"

	ftp "goftp.io/server/v2"
	"goftp.io/server/v2/driver/file"
)

// serveGoftp runs goftp.io/server with its file driver. Its arguments are port, root,
// passive ports, certificate and key; the last two are empty without TLS.
func serveGoftp(args []string) error {
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	driver, err := file.NewDriver(args[1])
	if err != nil {
		return err
	}
	s, err := ftp.NewServer(&ftp.Options{
		Driver:       driver,
		Auth:         &ftp.SimpleAuth{Name: account, Password: password},
		Perm:         ftp.NewSimplePerm(account, account),
		Hostname:     "127.0.0.1",
		PublicIP:     "127.0.0.1",
		PassivePorts: args[2],
		Port:         port,
		TLS:          args[3] != "",
		ExplicitFTPS: args[3] != "",
		CertFile:     args[3],
		KeyFile:      args[4],
		Logger:       &ftp.DiscardLogger{},
	})
	if err != nil {
		return err
	}
	return s.ListenAndServe()
}
