package paradise_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"time"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
)

// A server for one account, with its files in memory.
func ExampleServer() {
	srv := &paradise.Server{
		Addr:  ":2121",
		Auth:  paradise.Accounts{"auser": "secret"},
		Files: memfs.New(),
	}
	log.Fatal(srv.ListenAndServe())
}

// Transfers that run may end; whoever is still there after a minute is cut off.
func ExampleServer_Shutdown() {
	srv := &paradise.Server{Auth: paradise.Accounts{"auser": "secret"}, Files: memfs.New()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		srv.Close()
	}
	fmt.Println(<-served)
	// Output: paradise: server closed
}

// Logins are asked of your own users; each may have a folder, storage and policy
// of its own.
func ExampleAuthFunc() {
	auth := paradise.AuthFunc(func(ctx context.Context, s *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
		if !c.HasPassword {
			return nil, paradise.ErrNeedPassword
		}
		if !checkPassword(ctx, c.User, c.Password) {
			return nil, paradise.ErrBadCredentials
		}
		policy := s.Policy // a copy, to change what differs
		policy.Deny |= paradise.PermAllButUpload
		policy.MaxFileSize = 100 << 20
		return &paradise.User{Name: c.User, Home: "/incoming/" + c.User, Policy: &policy}, nil
	})

	session := &paradise.Session{}
	u, err := auth.Authenticate(context.Background(), session, paradise.Credentials{User: "camera7", Password: "right", HasPassword: true})
	fmt.Println(u.Home, err)
	_, err = auth.Authenticate(context.Background(), session, paradise.Credentials{User: "camera7", Password: "wrong", HasPassword: true})
	fmt.Println(err)
	// Output:
	// /incoming/camera7 <nil>
	// paradise: bad credentials
}

func checkPassword(_ context.Context, _, password string) bool { return password == "right" }

// queue is a storage that takes files and hands them on.
type queue struct {
	paradise.UnimplementedFileDriver
	put func(name string, content []byte)
}

func (q queue) Store(ctx context.Context, _ *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	if o.Append || o.Offset > 0 || o.Exclusive {
		return nil, errors.ErrUnsupported
	}
	return paradise.StreamUpload(ctx, func(ctx context.Context, u paradise.UploadInfo, r io.Reader) error {
		content, err := io.ReadAll(io.LimitReader(r, 1<<20))
		if err != nil {
			return err // the client broke off: nothing is handed on
		}
		q.put(name, content)
		return nil
	}), nil
}

// An upload that is handed on whole, once the client has sent all of it.
func ExampleStreamUpload() {
	var files paradise.FileDriver = queue{put: func(name string, content []byte) {
		fmt.Printf("%s: %s\n", name, content)
	}}

	// What the server does at STOR:
	ctx := context.Background()
	up, err := files.Store(ctx, &paradise.Session{}, "/hello.txt", paradise.StoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if err := up.Begin(ctx, paradise.UploadInfo{ContentType: "text/plain"}); err != nil {
		log.Fatal(err)
	}
	io.Copy(up, strings.NewReader("hello"))
	fmt.Println("226:", up.Commit(ctx) == nil)
	// Output:
	// /hello.txt: hello
	// 226: true
}

// logged observes a storage: it embeds the interface and overrides what it is
// about.
type logged struct{ paradise.FileDriver }

func (l logged) Remove(ctx context.Context, s *paradise.Session, name string) error {
	err := l.FileDriver.Remove(ctx, s, name)
	fmt.Println("removed", name, err)
	return err
}

// Copy is left to the server, which copies through this very wrapper.
func (logged) Copy(context.Context, *paradise.Session, string, string) error {
	return errors.ErrUnsupported
}

// A wrapper embeds the FileDriver interface, never a concrete type.
func ExampleFileDriver_wrapper() {
	files := memfs.New()
	files.Put("/old.txt", []byte("old"))
	logged{files}.Remove(context.Background(), &paradise.Session{}, "/old.txt")
	// Output: removed /old.txt <nil>
}

// Pictures and documents come in, nothing else, whatever the name says.
func ExampleGate() {
	srv := &paradise.Server{
		Auth:  paradise.Accounts{"auser": "secret"},
		Files: memfs.New(),
		Policy: paradise.Policy{
			MaxFileSize: 20 << 20,
			Gate:        paradise.Gate{Allow: []string{"image/*", "application/pdf"}, MatchExtension: true},
		},
	}
	log.Fatal(srv.ListenAndServe())
}

// A verb of your own behind SITE.
func ExampleCommand() {
	srv := &paradise.Server{
		Auth:  paradise.Accounts{"auser": "secret"},
		Files: memfs.New(),
		SiteCommands: []paradise.Command{{
			Name:      "PING",
			NeedLogin: true,
			Run: func(context.Context, *paradise.Session, paradise.FileDriver, string) (paradise.Reply, error) {
				return paradise.Reply{Code: 200, Text: "Pong"}, nil
			},
		}},
	}
	log.Fatal(srv.ListenAndServe())
}

// The state of a server, for people.
func ExampleStats_WriteText() {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	stats := paradise.Stats{Started: ago(29), Now: now, Sessions: []paradise.SessionStats{{
		Short: "41949e", User: "user1", Opened: ago(20),
		Passive: []paradise.PassiveStats{
			{ID: "0fbeb0", Port: 59119, Verb: "STOR", Arg: "hello.txt", Opened: ago(8)},
		},
	}}}
	var text strings.Builder
	if err := stats.WriteText(&text); err != nil {
		log.Fatal(err)
	}
	fmt.Print(text.String())
	// Output:
	// 1 client(s), 1 passive(s), Up for 00:00:29
	//    41949e 00:00:20, user1
	//      0fbeb0 00:00:08, 59119 STOR hello.txt
}
