// Command ingest takes files by FTP and hands each to an HTTP endpoint.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"

	"github.com/paradiseftp/paradise"
)

// endpoint is an upload-only storage: every file becomes one PUT below its URL.
type endpoint struct {
	paradise.UnimplementedFileDriver // refuses all but Store
	url                              string
}

func (e endpoint) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	if o.Append || o.Offset > 0 || o.Exclusive || o.Existing { // a PUT always replaces the whole file
		return nil, errors.ErrUnsupported
	}
	return paradise.StreamUpload(ctx, func(ctx context.Context, u paradise.UploadInfo, r io.Reader) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, e.url+(&url.URL{Path: name}).EscapedPath(), r)
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", u.ContentType)
		req.Header.Set("X-Ftp-User", s.User.Name)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode/100 != 2 {
			return fmt.Errorf("endpoint answered %s", res.Status) // 451 to the client, and no 226
		}
		return nil
	}), nil
}

func main() {
	accounts := paradise.Accounts{"camera": os.Getenv("INGEST_PASSWORD")}
	srv := &paradise.Server{Addr: "127.0.0.1:2121", Auth: accounts, Files: endpoint{url: "http://127.0.0.1:8080"}}
	log.Fatal(srv.ListenAndServe())
}
