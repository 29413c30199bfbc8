// Command benchmarks compares FTP servers and measures how much load paradise can carry.
// README.md says how to run it and how to read the results.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

const usage = `usage: benchmarks COMMAND [flags]

  compare   all servers that are installed, every workload: a table and plots
  sessions  what an idle session costs, from 100 to 15,000 of them
  beside    a download beside 10,000 idle sessions
  transfers thousands of transfers at once, every byte checked
`

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal(usage)
	}
	fs := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	o := options{}
	fs.StringVar(&o.peers, "peers", "/opt/peers", "`folder` that benchmarks/peers unpacked the daemons to")
	fs.StringVar(&o.binary, "paradise", "", "paradise's `binary`; built from ../examples/paradise if empty")
	fs.StringVar(&o.dir, "dir", "/dev/shm", "`folder` for what is served: in memory, the disk is not measured")
	fs.StringVar(&o.out, "out", "", "`folder` for the Markdown and the plots; standard output if empty")
	fs.IntVar(&o.rounds, "rounds", 3, "rounds over all servers; the table has the medians")
	fs.Float64Var(&o.scale, "scale", 1, "scales how long and how much")
	fs.IntVar(&o.sessions, "n", 0, "sessions (15,000), idle ones (10,000) or transfers (2,000)")
	fs.DurationVar(&o.duration, "d", time.Minute, "how long transfers go on")
	fs.DurationVar(&o.pace, "pace", 8*time.Second,
		"how long a transfer of transfers takes at least; 0: the machine is saturated by its own clients")
	names := fs.String("servers", "vsftpd,proftpd,pure-ftpd,pyftpdlib,goftp,paradise", "which to compare")
	fs.Parse(os.Args[2:])
	o.servers = strings.Split(*names, ",")
	commands := map[string]func(options) error{
		"compare": compare, "sessions": sessions, "beside": beside, "transfers": transfers,
		// The program starts itself with these commands:
		"hold":  func(options) error { return hold(fs.Args()) },
		"store": func(options) error { return storeAndFetch(fs.Args()) },
		"goftp": func(options) error { return serveGoftp(fs.Args()) },
	}
	run := commands[os.Args[1]]
	if run == nil {
		log.Fatal(usage)
	}
	if err := run(o); err != nil {
		log.Fatal("benchmarks: ", err)
	}
}

type options struct {
	peers, binary, dir, out string
	rounds, sessions        int
	scale                   float64
	duration, pace          time.Duration
	servers                 []string
}

// write writes a result to the output folder, or prints it.
func (o options) write(name, text string) error {
	if o.out == "" {
		if strings.HasSuffix(name, ".md") {
			fmt.Println(text)
		}
		return nil
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	return os.WriteFile(o.out+"/"+name, []byte(text), 0o644)
}
