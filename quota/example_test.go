package quota_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/quota"
)

// Two servers that share the files and a Store, as replicas do: what one of them takes
// the other does not take as well.
func Example_severalServers() {
	files, store := memfs.New(), quota.NewMemory() // of one process; between machines a Store of your own
	o := quota.Options{Limits: quota.Fixed(quota.Limits{Bytes: 100}), Store: store}
	one, two := quota.New(files, o), quota.New(files, o)
	defer one.Close()
	defer two.Close()

	s := &paradise.Session{User: paradise.User{Name: "camera"}}
	fmt.Println(upload(one, s, "/a.jpg", make([]byte, 80)))
	fmt.Println(errors.Is(upload(two, s, "/b.jpg", make([]byte, 80)), paradise.ErrQuota))
	used, _, err := two.Usage(context.Background(), s)
	fmt.Println(used.Bytes, used.Files, err)
	// Output:
	// <nil>
	// true
	// 80 1 <nil>
}

// upload does what a server does with a file of data.
func upload(d paradise.FileDriver, s *paradise.Session, name string, data []byte) error {
	ctx := context.Background()
	u, err := d.Store(ctx, s, name, paradise.StoreOptions{})
	if err != nil {
		return err
	}
	if err = u.Begin(ctx, paradise.UploadInfo{}); err == nil {
		_, err = u.Write(data)
	}
	if err == nil {
		err = u.Commit(ctx)
	}
	if err != nil {
		u.Abort(ctx, err)
	}
	return err
}
