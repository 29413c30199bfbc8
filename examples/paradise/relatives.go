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

// This file has the requests that processes of one server send to each other, over the
// sockets in their folder.

// longestSocket is the longest path of a socket that every system accepts.
const longestSocket = 103

// makeFolder creates a folder whose path is short enough for sockets, even if TMPDIR is
// long. If it fails, it returns ""; a restart then works, but the views show less.
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

// open starts to answer the other processes. If it cannot listen, the others just do not
// show this process. The caller holds g.mu.
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

// listen gives the socket its final name only once it accepts connections. So a socket
// that refuses connections is that of a process that has ended.
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

// answers returns a handler for requests about srv alone: the other side asks every
// process.
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

// askTime bounds how long a process may take to answer. If it takes longer, its last known
// state is shown.
const askTime = time.Second

// answer is the result of a request to another process.
type answer struct {
	stats *paradise.Stats // nil: the process did not answer
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

// kick ends a session of the process. It returns false if the process does not have it.
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
