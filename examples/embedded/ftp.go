package main

import (
	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/osfs"
)

// ftpServer serves the folder dir to one account.
func ftpServer(dir string) (*paradise.Server, error) {
	files, err := osfs.Open(dir, osfs.Options{})
	if err != nil {
		return nil, err
	}
	accounts := paradise.Accounts{"auser": "secret"}
	return &paradise.Server{Addr: "127.0.0.1:2121", Auth: accounts, Files: files}, nil
}
