// Command paradise serves a folder by FTP. It is the example of how the library
// is used by a whole program: see the README for its flags.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	cfg, err := parseFlags(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "paradise:", err)
		os.Exit(1)
	}
}
