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

// onUpload holds the settings of the journal and of -on-upload.
type onUpload struct {
	journal string
	url     string
	secret  string
	refused int // refusals after which a record is put aside; 0: it never is
}

func (o *onUpload) flags(fs *flag.FlagSet) {
	fs.StringVar(&o.journal, "journal", "",
		"`file` outside -root that notes every upload before its 226; with -on-upload, -root's name and .journal")
	fs.StringVar(&o.url, "on-upload", "", "`URL` that gets a POST for every upload, at least once; see docs/journal.md")
	fs.IntVar(&o.refused, "on-upload-max-refusals", 8,
		"refusals by -on-upload after which a record is put aside beside the journal; 0 is to wait for ever")
	fs.StringVar(&o.secret, "on-upload-secret-file", "", "`file` with the secret that signs requests to -on-upload")
}

// journalFile is what -journal names, or a file beside the root.
func (cfg *config) journalFile() string {
	if cfg.onUpload.journal != "" {
		return cfg.onUpload.journal
	}
	root, err := filepath.Abs(cfg.root) // turns "." into a name
	if err != nil {
		root = filepath.Clean(cfg.root)
	}
	return root + ".journal"
}

// uploads is the journal and the sink that delivers its records. Nil: there is no journal.
type uploads struct {
	journal *journal.Journal
	sink    *deliver.Sink // nil: records are not delivered
	log     *slog.Logger
	running sync.WaitGroup
}

// openUploads opens the journal. It returns nil if none is configured, and for -check,
// which opens nothing.
func openUploads(cfg *config, log *slog.Logger) (*uploads, error) {
	o := cfg.onUpload
	if o.url == "" && o.journal == "" {
		return nil, nil
	}
	path := cfg.journalFile()
	target := deliver.Options{URL: o.url, State: path + ".delivered", MaxRefusals: o.refused,
		DeadLetters: path + ".dead-letters", Logger: log}
	if o.refused == 0 {
		target.MaxRefusals = -1 // in the library zero means the default
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

// wrap returns d with a journal of its uploads.
func (u *uploads) wrap(d paradise.FileDriver) paradise.FileDriver {
	if u == nil {
		return d
	}
	return u.journal.Wrap(d)
}

// reconcile settles the uploads that a process left open when it died.
func (u *uploads) reconcile(ctx context.Context, h *homes, accounts map[string]*account) error {
	if u == nil {
		return nil
	}
	return u.journal.Reconcile(ctx, byAccount{homes: h, accounts: accounts})
}

// deliver sends records to the service of -on-upload until ctx ends. It waits as long as a
// predecessor does so.
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

// close closes the journal. It is called after the end of deliver's context.
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
