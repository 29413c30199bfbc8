package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/journal/deliver"
)

// onUpload is what happens with uploads besides storing them.
type onUpload struct {
	journal string
	url     string
	secret  string
	refused int // as often at most, then a record is put aside; 0: never
}

func (o *onUpload) flags(fs *flag.FlagSet) {
	fs.StringVar(&o.journal, "journal", "", "`file` outside -root that notes every upload before its 226; with -on-upload, -root's name and .journal")
	fs.StringVar(&o.url, "on-upload", "", "`URL` that gets a POST for every upload, at least once; see docs/journal.md")
	fs.IntVar(&o.refused, "on-upload-max-refusals", 8, "refusals by -on-upload after which a record is put aside beside the journal; 0 is to wait for ever")
	fs.StringVar(&o.secret, "on-upload-secret-file", "", "`file` with the secret that signs requests to -on-upload")
}

// journalFile is what -journal names, or a file beside the root.
func (cfg *config) journalFile() string {
	if cfg.onUpload.journal != "" {
		return cfg.onUpload.journal
	}
	root, err := filepath.Abs(cfg.root) // "." has no name of its own
	if err != nil {
		root = filepath.Clean(cfg.root)
	}
	return root + ".journal"
}

// uploads is the journal and what reads it; nil: there is none.
type uploads struct {
	journal *journal.Journal
	sink    *deliver.Sink // nil: nobody is told
	log     *slog.Logger
	running sync.WaitGroup
}

// openUploads returns nil where nothing is to be noted. A mere check of the
// configuration opens nothing.
func openUploads(cfg *config, log *slog.Logger) (*uploads, error) {
	o := cfg.onUpload
	if o.url == "" && o.journal == "" {
		return nil, nil
	}
	path := cfg.journalFile()
	target := deliver.Options{URL: o.url, State: path + ".delivered", MaxRefusals: o.refused, DeadLetters: path + ".dead-letters", Logger: log}
	if o.refused == 0 {
		target.MaxRefusals = -1 // the library's zero is its default
	}
	if o.secret != "" {
		key, err := readSecret("on-upload-secret-file", o.secret)
		if err != nil {
			return nil, err
		}
		target.Secret = key
	}
	if o.url != "" {
		if _, err := deliver.New(nil, target); err != nil {
			return nil, fmt.Errorf("-on-upload: %w", err)
		}
	}
	if cfg.checkOnly {
		return nil, nil
	}
	j, err := journal.Open(path, journal.Options{Durable: cfg.durable, Digest: true, Logger: log})
	if err != nil {
		return nil, err
	}
	u := &uploads{journal: j, log: log}
	if o.url != "" {
		u.sink, err = deliver.New(j, target)
	}
	return u, err
}

// wrap returns d with its uploads noted.
func (u *uploads) wrap(d paradise.FileDriver) paradise.FileDriver {
	if u == nil {
		return d
	}
	return u.journal.Wrap(d)
}

// reconcile settles what a process that died has left open.
func (u *uploads) reconcile(ctx context.Context, h *homes, accounts map[string]*account) error {
	if u == nil {
		return nil
	}
	return u.journal.Reconcile(ctx, byAccount{homes: h, accounts: accounts})
}

// deliver tells the service of -on-upload until ctx ends. While a predecessor
// does, it waits.
func (u *uploads) deliver(ctx context.Context) {
	if u == nil || u.sink == nil {
		return
	}
	u.running.Go(func() {
		if err := u.sink.Run(ctx); err != nil {
			u.log.Error("uploads are not delivered any more", "error", err)
		}
	})
}

// close comes after the end of deliver's context.
func (u *uploads) close() {
	if u == nil {
		return
	}
	u.running.Wait()
	u.journal.Close()
}

// byAccount finds the file of a record in the folder of its user.
type byAccount struct {
	paradise.UnimplementedFileDriver
	homes    *homes
	accounts map[string]*account
}

func (b byAccount) of(s *paradise.Session) (paradise.FileDriver, error) {
	if a := b.accounts[s.User.Name]; a != nil && a.Home != "" {
		return b.homes.open(a.Home)
	}
	return b.homes.common()
}

// Stat implements [paradise.FileDriver].
func (b byAccount) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	d, err := b.of(s)
	if err != nil {
		return paradise.Entry{}, err
	}
	return d.Stat(ctx, s, name)
}

// Open implements [paradise.FileDriver].
func (b byAccount) Open(ctx context.Context, s *paradise.Session, name string, offset int64) (io.ReadCloser, error) {
	d, err := b.of(s)
	if err != nil {
		return nil, err
	}
	return d.Open(ctx, s, name, offset)
}
