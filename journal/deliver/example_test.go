package deliver_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/journal"
	"github.com/paradiseftp/paradise/journal/deliver"
	"github.com/paradiseftp/paradise/memfs"
)

// A service hears of every upload, also of those that were committed while it was
// down, or by a process that died.
func Example() {
	secret := []byte("shared with the service")
	heard := make(chan string)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record, err := deliver.Read(r, secret)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		heard <- record.Name // 200 once the record is stored, by its ID
	}))
	defer service.Close()

	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	files := memfs.New()
	j, err := journal.Open(filepath.Join(dir, "uploads.jsonl"), journal.Options{Logger: slog.Default()})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	ctx, cancel := context.WithCancel(context.Background())
	if err := j.Reconcile(ctx, files); err != nil {
		log.Fatal(err)
	}
	sink, err := deliver.New(j, deliver.Options{
		URL: service.URL, State: filepath.Join(dir, "state"), Secret: secret, Logger: slog.Default(),
	})
	if err != nil {
		log.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := sink.Run(ctx); err != nil {
			log.Print(err)
		}
	})

	srv := &paradise.Server{Files: j.Wrap(files)} // with Auth, and then ListenAndServe
	upload(ctx, srv.Files, "/invoice.pdf")

	fmt.Println(<-heard)
	cancel()
	running.Wait()
	// Output: /invoice.pdf
}

// upload stands for a client.
func upload(ctx context.Context, d paradise.FileDriver, name string) {
	u, err := d.Store(ctx, &paradise.Session{}, name, paradise.StoreOptions{})
	if err == nil {
		err = u.Begin(ctx, paradise.UploadInfo{})
	}
	if err == nil {
		err = u.Commit(ctx)
	}
	if err != nil {
		log.Fatal(err)
	}
}
