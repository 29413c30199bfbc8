package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/paradiseftp/paradise"
)

// What processes of one server ask each other, over the sockets in their folder.

// longestSocket is what every system takes as the path of a socket.
const longestSocket = 103

// makeFolder makes one whose sockets have a path that is short enough; some have
// a long TMPDIR. Without a folder a restart goes on, and shows less.
func makeFolder() string {
	for _, parent := range []string{"", "/tmp"} {
		folder, err := os.MkdirTemp(parent, "paradise-")
		if err != nil {
			continue
		}
		if len(filepath.Join(folder, nameOf(9999, math.MaxInt32)+socketEnd)) <= longestSocket {
			return folder
		}
		os.Remove(folder)
	}
	return ""
}

// open begins to answer the others. Without a socket this process is only not
// shown. The caller holds g.mu.
func (g *generations) open() {
	if g.socket != nil || g.srv == nil || g.folder == "" {
		return
	}
	l, err := g.listen()
	if err != nil {
		g.srv.Logger.Warn("other processes of a restart can't show this one's sessions", "error", err)
		return
	}
	g.socket = &http.Server{Handler: answers(g.srv), ReadHeaderTimeout: time.Second, WriteTimeout: 5 * time.Second}
	go g.socket.Serve(l)
}

// listen gives the socket its name once it answers: one that refuses is that of a
// process that has gone.
func (g *generations) listen() (net.Listener, error) {
	path := filepath.Join(g.folder, g.name())
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + ".new", Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := os.Rename(path+".new", path+socketEnd); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// shut stops answering. The caller holds g.mu.
func (g *generations) shut() {
	if g.socket == nil {
		return
	}
	g.socket.Close()
	g.socket = nil
	os.Remove(filepath.Join(g.folder, g.name()+socketEnd))
}

// answers tells of srv alone: who asks asks each process.
func answers(srv *paradise.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(srv.Stats())
	})
	mux.HandleFunc("POST /kick/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
		if err != nil || srv.Kick(id, nil) != nil {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// askTime is how long a process may take to answer. One that is too busy for it
// is shown as it was known before.
const askTime = time.Second

// answer is what came of a question.
type answer struct {
	stats *paradise.Stats // nil: none came
	gone  bool            // the process has ended
}

func (r relative) ask(socket string) (a answer) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	res, err := request(ctx, socket, http.MethodGet, "/stats")
	if err != nil {
		return answer{gone: errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)}
	}
	defer res.Body.Close()
	st := &paradise.Stats{}
	if res.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(res.Body, statsLimit)).Decode(st) != nil {
		return answer{}
	}
	return answer{stats: st}
}

// kick reports whether the process had the session, which ends then.
func (r relative) kick(socket string, id uint64) (found bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	res, err := request(ctx, socket, http.MethodPost, fmt.Sprintf("/kick/%d", id))
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	res.Body.Close()
	return res.StatusCode == http.StatusNoContent, nil
}

func request(ctx context.Context, socket, method, path string) (*http.Response, error) {
	t := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, nil)
	if err != nil {
		return nil, err
	}
	return (&http.Client{Transport: t}).Do(r)
}
