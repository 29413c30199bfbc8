// Command paradise serves a folder by FTP. It shows how a whole program uses the library.
// See the README for its flags.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/paradiseftp/paradise/events"
)

func main() {
	err := command(os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		lastWord(err)
		os.Exit(1)
	}
}

// lastWord writes why the program fails, and waits only a bounded time for a blocked
// standard error.
func lastWord(err error) {
	out := events.NewWriter(os.Stderr, logQueue)
	fmt.Fprintln(out, "paradise:", err)
	flush(out)
}

// command runs the subcommand at the start of args. Without one it serves.
func command(args []string) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "who":
		return who(args[1:], os.Stdout, os.Stderr)
	case "top":
		return top(args[1:], os.Stdin, os.Stdout, os.Stderr)
	case "healthcheck":
		return healthcheck(args[1:], os.Stderr)
	case "hash-password":
		return hashPassword(args[1:], os.Stdin, os.Stdout, os.Stderr)
	case "help":
		return serve([]string{"-h"})
	}
	return serve(args)
}

func serve(args []string) error {
	cfg, err := parseFlags(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	if err != nil {
		fail(err)
		return err
	}
	switch {
	case cfg.checkOnly:
		return cfg.try(os.Stdout)
	case cfg.printConfig:
		return cfg.print(os.Stdout, cfg.set)
	}
	return run(cfg, args)
}

// try checks the configuration and prints the result. It binds no addresses.
func (cfg *config) try(out io.Writer) error {
	s, err := newService(cfg, nil, nil, &generations{})
	if err != nil {
		return err
	}
	defer s.close()
	for _, text := range s.users.current.Load().warnings(cfg) {
		fmt.Fprintln(out, "warning:", text)
	}
	_, err = fmt.Fprintln(out, "the configuration is good")
	return err
}

// subcommands says what each subcommand does.
var subcommands = map[string]string{
	"who":           "prints who is connected, of all processes of the server",
	"top":           "shows who is connected and what moves, each second; q quits",
	"healthcheck":   "fails unless the server lives, or with -ready unless it takes new clients",
	"hash-password": "reads a password from standard input and prints its hash, for an account's key password",
}

// newFlagSet returns the flag set of a subcommand.
func newFlagSet(name string) *flag.FlagSet {
	return flag.NewFlagSet("paradise "+name, flag.ContinueOnError)
}

// parseCommand parses the flags of a subcommand, which takes no other arguments.
func parseCommand(fs *flag.FlagSet, args []string, errs io.Writer, usage string) error {
	explain(fs)
	_, name, _ := strings.Cut(fs.Name(), " ")
	if err := parse(fs, args, errs, "Usage: "+usage+"\n"+name+" "+subcommands[name]); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("%q is no flag; %s -h lists the flags", fs.Arg(0), fs.Name())
	}
	return checkGiven(fs)
}
