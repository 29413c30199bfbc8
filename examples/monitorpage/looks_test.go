package monitorpage_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/jlaffaye/ftp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var shots = flag.String("shots", "", "`folder` for pictures of the page; takes them after five minutes of traffic")

func TestThePageFitsWindowsAndPhones(t *testing.T) {
	w, tab := newWatched(t), openTab(t)
	stop := w.traffic()
	defer stop()
	run(t, tab, recordTrouble, chromedp.Navigate(w.page))
	for _, look := range []struct {
		name        string
		scheme      string
		width, high int64
	}{
		{"light", "light", 1280, 900},
		{"dark", "dark", 1280, 900},
		{"tablet", "light", 800, 1000},
		{"phone", "light", 390, 844},
		{"phone-dark", "dark", 390, 844},
	} {
		t.Run(look.name, func(t *testing.T) {
			run(t, tab, scheme(look.scheme), chromedp.EmulateViewport(look.width, look.high))
			eventually(t, tab, sessionRow("press")+`?.querySelector("progress") != null`)
			if *shots != "" {
				w.await(tab, look.name == "light")
				picture, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(*shots, look.name+".png"), picture, 0o644))
			}
			assert.LessOrEqual(t, value[int](t, tab, `document.documentElement.scrollWidth`), int(look.width),
				"no sideways scrolling")
			dark := value[bool](t, tab, `getComputedStyle(document.body).backgroundColor === "rgb(18, 22, 21)"`)
			assert.Equal(t, look.scheme == "dark", dark)
		})
	}
	assert.Empty(t, value[[]string](t, tab, `window.trouble`))
}

// await waits until the plots have something to show.
func (w *watched) await(tab context.Context, long bool) {
	points := 3
	if long {
		points = 290
	}
	_, err := chromedp.Run(tab,
		chromedp.Poll[bool](fmt.Sprintf(`past.length >= %d`, points), chromedp.WithPollingInterval(time.Second),
			chromedp.WithPollingTimeout(0)))
	require.NoError(w.t, err)
}

// traffic creates sessions and endings of all kinds.
func (w *watched) traffic() (stop func()) {
	auser, camera, press := w.login("auser"), w.login("camera-07"), w.login("press")
	require.NoError(w.t, auser.MakeDir("projects"))
	require.NoError(w.t, camera.MakeDir("2026-11-25"))
	require.NoError(w.t, put(w.t, auser, "projects/notes.txt", text(13984)))
	require.Error(w.t,
		put(w.t, auser, "projects/tool", []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00")))
	require.NoError(w.t, put(w.t, camera, "2026-11-25/front-door-101502.txt", text(284_000)))
	_, err := camera.List("2026-11-25")
	require.NoError(w.t, err)
	r, err := press.Retr("press-kit.txt")
	require.NoError(w.t, err)
	go io.Copy(io.Discard, r)

	u := startUpload(camera, "2026-11-25/front-door-101507.txt")
	ctx, cancel := context.WithCancel(w.t.Context())
	var busy sync.WaitGroup
	busy.Go(func() { u.pulse(ctx) })
	busy.Go(func() { w.visits(ctx) })
	return func() {
		cancel()
		u.Close()
		busy.Wait()
		<-u.ended
		auser.Quit()
	}
}

// pulse feeds an upload at a varying rate.
func (u *upload) pulse(ctx context.Context) {
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for i := 0.0; ctx.Err() == nil; i++ {
		if _, err := u.Write(text(int(60_000 + 30_000*math.Sin(i/110) + 15_000*math.Sin(i/17)))); err != nil {
			return
		}
		<-t.C
	}
}

// visits runs clients that connect, upload a file and leave.
func (w *watched) visits(ctx context.Context) {
	t := time.NewTicker(5 * time.Second)
	defer t.Stop()
	var guests []*ftp.ServerConn
	for i := 1; ; i++ {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		c, err := ftp.Dial(w.addr)
		if err != nil || c.Login("auser", "secret") != nil {
			return
		}
		c.Stor(fmt.Sprintf("projects/report-%02d.txt", i), bytes.NewReader(text(40_000*(1+i*7%11))))
		guests = append(guests, c)
		for len(guests) > 1+i*5%7 {
			guests[0].Quit()
			guests = guests[1:]
		}
	}
}
