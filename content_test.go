package paradise_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/memnet"
)

const (
	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	exe  = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"
	svg  = `<svg xmlns="http://www.w3.org/2000/svg"></svg>`
	text = "just words\n"
)

func TestGateJudgesByTheFirstBytes(t *testing.T) {
	images := paradise.Gate{Allow: []string{"image/*"}}
	for _, tc := range []struct {
		rule string
		gate paradise.Gate
		name string
		data string
		code int
	}{
		{"an allowed family", images, "a.png", png, 226},
		{"another type under an allowed name", images, "photo.jpg", exe, 550},
		{"unknown content is not allowed", images, "a.png", "\x00\x01\x02", 550},
		{"an empty file is taken", images, "a.png", "", 226},
		{"an empty file is refused by option", paradise.Gate{RefuseEmpty: true}, "a", "", 550},
		{"SVG must be named", images, "a.svg", svg, 550},
		{"SVG is named", paradise.Gate{Allow: []string{"image/svg+xml"}}, "a.svg", svg, 226},
		{"an ancestor is allowed", paradise.Gate{Allow: []string{"text/plain"}}, "a.html", "<!DOCTYPE html><html></html>", 226},
		{"octet-stream allows itself", paradise.Gate{Allow: []string{"application/octet-stream"}}, "a", "\x00\x01\x02", 226},
		{"octet-stream allows nothing else", paradise.Gate{Allow: []string{"application/octet-stream"}}, "a", png, 550},
		{"a denied type", paradise.Gate{Deny: []string{"application/vnd.microsoft.portable-executable"}}, "a", exe, 550},
		{"a denied ancestor", paradise.Gate{Deny: []string{"text/*"}}, "a.html", "<!DOCTYPE html><html></html>", 550},
		{"content fits the extension", paradise.Gate{MatchExtension: true}, "a.PNG", png, 226},
		{"content does not fit the extension", paradise.Gate{MatchExtension: true}, "a.jpg", png, 550},
		{"an extension that says nothing", paradise.Gate{MatchExtension: true}, "a.xyz", png, 226},
		{"a name that matches", paradise.Gate{Names: []string{"*.txt"}}, "a.txt", text, 226},
		{"a name that does not match", paradise.Gate{Names: []string{"*.txt"}}, "a.doc", text, 553},
		{"a denied name", paradise.Gate{DenyNames: []string{".*"}}, ".htaccess", text, 553},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) { srv.Policy.Gate = tc.gate }, func(w *world) {
				c := w.login()
				d := c.begin("STOR %s", tc.name)
				io.WriteString(d, tc.data)
				d.Close()
				c.expect(tc.code)
				if tc.code == 226 {
					require.Equal(t, tc.data, w.content("/"+tc.name))
				} else {
					w.missing("/" + tc.name)
					require.EqualValues(t, 1, w.srv.Stats().Refused["content"])
				}
				c.quit()
			})
		})
	}
}

func TestARefusalComesBeforeTheRestOfTheFile(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.Gate.Allow = []string{"image/*"} }, func(w *world) {
		c := w.login()
		d := c.begin("STOR photo.jpg")
		io.WriteString(d, exe+strings.Repeat("\x00", 600))
		c.expect(550) // the data connection is still open
		go io.Copy(d, io.LimitReader(zeros{}, 1<<20))
		c.cmd(200, "NOOP")
		d.Close()
		c.cmd(200, "NOOP")
		require.Zero(t, w.count.Counts().Write)
		c.quit()
	})
}

// refusedUpload has an upload refused and keeps its data connection.
func (c *client) refusedUpload() *memnet.Conn {
	c.w.t.Helper()
	d := c.begin("STOR photo.jpg")
	io.WriteString(d, exe+strings.Repeat("\x00", 600))
	c.expect(550)
	return d
}

func imagesOnly(srv *paradise.Server) { srv.Policy.Gate.Allow = []string{"image/*"} }

func TestARefusedUploadDelaysNoCommand(t *testing.T) {
	for name, sends := range map[string]bool{"silent": false, "sending": true} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, imagesOnly, func(w *world) {
				c := w.login()
				before := w.net.Open()
				began := time.Now()
				d := c.refusedUpload()
				stop := make(chan struct{})
				go func() {
					for sends {
						select {
						case <-stop:
							return
						case <-time.After(time.Second):
							d.Write(make([]byte, 1000))
						}
					}
				}()
				c.cmd(257, "PWD")
				c.epsv()
				c.cmd(226, "ABOR")
				require.Zero(t, time.Since(began))
				time.Sleep(11 * time.Second)
				require.Equal(t, before+1, w.net.Open(), "only ours is left")
				close(stop)
				d.Close()
				c.quit()
			})
		})
	}
}

func TestOneRefusedUploadLingersAtMost(t *testing.T) {
	inMemory(t, imagesOnly, func(w *world) {
		c := w.login()
		before := w.net.Open()
		var kept []*memnet.Conn
		for range 5 {
			kept = append(kept, c.refusedUpload())
			synctest.Wait()
			require.Equal(t, before+len(kept)+1, w.net.Open())
		}
		_, err := kept[3].Read(make([]byte, 1))
		require.Error(t, err, "closed for the fifth")
		for _, d := range kept {
			d.Close()
		}
		c.quit()
	})
}

func TestNoRefusedUploadOutlivesItsSession(t *testing.T) {
	for name, end := range map[string]func(w *world, c *client){
		"QUIT":     func(_ *world, c *client) { c.cmd(221, "QUIT") },
		"vanishes": func(_ *world, c *client) { c.conn.Close() },
		"Kick":     func(w *world, _ *client) { w.srv.Kick(w.srv.Stats().Sessions[0].ID, nil) },
		"Shutdown": func(w *world, _ *client) { w.srv.Shutdown(context.Background()) },
		"Close":    func(w *world, _ *client) { w.srv.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, imagesOnly, func(w *world) {
				c := w.login()
				began := time.Now()
				d := c.refusedUpload()
				end(w, c)
				_, err := d.Read(make([]byte, 1))
				require.Error(t, err)
				require.Less(t, time.Since(began), time.Second)
				d.Close()
				c.conn.Close()
			})
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestAcceptUploadDecidesBeforeTheDriverSeesAByte(t *testing.T) {
	var info paradise.UploadInfo
	inMemory(t, func(srv *paradise.Server) {
		srv.AcceptUpload = func(_ context.Context, s *paradise.Session, name string, u paradise.UploadInfo) error {
			info = u
			if name == "/no" {
				return io.ErrNoProgress
			}
			return nil
		}
	}, func(w *world) {
		c := w.login()
		for name, code := range map[string]int{"yes": 226, "no": 550} {
			d := c.begin("STOR %s", name)
			io.WriteString(d, png)
			d.Close()
			c.expect(code)
			require.Equal(t, "image/png", info.ContentType)
			require.True(t, info.Whole)
			require.Len(t, info.Head, len(png))
		}
		w.missing("/no")
		c.quit()
	})
}

func TestAResumedUploadIsJudgedByTheOldHead(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.Gate.Allow = []string{"image/*"} }, func(w *world) {
		w.files.Put("/a.png", []byte(png))
		c := w.login()
		c.cmd(350, "REST %d", len(png))
		d := c.begin("STOR a.png")
		io.WriteString(d, "rest")
		d.Close()
		c.expect(226)
		d = c.begin("APPE a.png")
		io.WriteString(d, " more")
		d.Close()
		c.expect(226)
		require.Equal(t, png+"rest more", w.content("/a.png"))
		c.quit()
	})
}

func TestBytesMoveUnchangedUntilTypeAWasSaid(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		c := w.login()
		put := func(name, data string) {
			d := c.begin("STOR %s", name)
			io.WriteString(d, data)
			d.Close()
			c.expect(226)
		}
		put("raw", "a\r\nb\r")
		require.Equal(t, "a\r\nb\r", w.content("/raw"))
		c.cmd(213, "SIZE raw")
		c.cmd(200, "TYPE A")
		put("text", "a\r\nb\r\n\rc\r")
		require.Equal(t, "a\nb\n\rc\r", w.content("/text"))
		c.cmd(550, "SIZE text")
		c.cmd(504, "REST 1")
		c.cmd(350, "REST 0")
		d := c.begin("RETR text")
		b, _ := io.ReadAll(d)
		d.Close()
		c.expect(226)
		require.Equal(t, "a\r\nb\r\n\rc\r", string(b))
		c.cmd(200, "TYPE I")
		c.cmd(213, "SIZE text")
		c.quit()
	})
}

func TestRawASCIISwitchesConversionOff(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.RawASCII = true }, func(w *world) {
		c := w.login()
		c.cmd(200, "TYPE A")
		d := c.begin("STOR f")
		io.WriteString(d, "a\r\n")
		d.Close()
		c.expect(226)
		require.Equal(t, "a\r\n", w.content("/f"))
		c.cmd(213, "SIZE f")
		c.quit()
	})
}

func TestTheDefaultTypeAndRawASCIIContradictEachOther(t *testing.T) {
	srv := &paradise.Server{Policy: paradise.Policy{ASCIIDefault: true, RawASCII: true}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, srv.Serve(l), "leave one of them out")
}

func TestDigestsOfOnePassAnswerHashAndReachTheEvent(t *testing.T) {
	var ended paradise.TransferEvent
	inMemory(t, func(srv *paradise.Server) {
		srv.Policy.Digests = paradise.DigestSHA256 | paradise.DigestCRC32
		srv.Hooks.TransferEnd = func(_ context.Context, e paradise.TransferEvent) { ended = e }
	}, func(w *world) {
		c := w.login()
		data := strings.Repeat("paradise", 10_000)
		d := c.begin("STOR f")
		io.WriteString(d, data)
		d.Close()
		c.expect(226)
		sum := sha256.Sum256([]byte(data))
		want := hex.EncodeToString(sum[:])
		require.Equal(t, want, ended.Digests[paradise.DigestSHA256])
		require.Len(t, ended.Digests[paradise.DigestCRC32], 8)
		require.True(t, ended.Committed)
		require.EqualValues(t, len(data), ended.Stored)
		opened := w.count.Counts().Open
		require.Contains(t, c.cmd(213, "HASH f"), "SHA-256 0-80000 "+want+" f")
		require.Equal(t, opened, w.count.Counts().Open, "the file was read again")
		w.files.Put("/f", []byte("changed"))
		require.NotContains(t, c.cmd(213, "HASH f"), want)
		c.quit()
	})
}

func TestExpectedDigestsMakeAnUploadStandOrFall(t *testing.T) {
	sum := sha256.Sum256([]byte("right"))
	inMemory(t, nil, func(w *world) {
		c := w.login()
		for data, code := range map[string]int{"right": 226, "wrong": 550} {
			c.cmd(200, "SITE EXPECT SHA256 %X", sum)
			d := c.begin("STOR %s", data)
			io.WriteString(d, data)
			d.Close()
			c.expect(code)
		}
		w.missing("/wrong")
		c.cmd(501, "SITE EXPECT SHA256 abcd")
		c.cmd(504, "SITE EXPECT ROT13 abcd")
		c.quit()
	})
}

func TestNoMaxFileSizeBoundsNoCopy(t *testing.T) {
	for _, most := range []int64{0, -1} {
		inMemory(t, func(srv *paradise.Server) { srv.Policy.MaxFileSize = most }, func(w *world) {
			w.files.Put("/f", []byte("data"))
			c := w.login()
			c.cmd(250, "SITE COPY f g")
			c.cmd(250, "COMB h f g")
			require.Equal(t, "datadata", w.content("/h"))
			c.quit()
		})
	}
}

func TestMaxFileSizeHoldsForTheResultingFile(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.MaxFileSize = 10 }, func(w *world) {
		w.files.Put("/f", []byte("12345678"))
		c := w.login()
		c.epsv()
		c.cmd(200, "ALLO 11")
		c.cmd(552, "STOR big")
		for command, code := range map[string]int{"STOR a": 226, "APPE f": 552} {
			d := c.begin("%s", command)
			io.WriteString(d, "1234567890"[:5])
			d.Close()
			c.expect(code)
		}
		d := c.begin("STOR b")
		io.WriteString(d, "12345678901")
		d.Close()
		c.expect(552)
		require.Equal(t, "12345678", w.content("/f"))
		w.missing("/b")
		c.quit()
	})
}

func TestAGateOnNamesHoldsForRenamesAndCopiesToo(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.Gate.DenyNames = []string{"*.php"} }, func(w *world) {
		w.files.Put("/f.txt", []byte("x"))
		w.files.Put("/d/g", []byte("x"))
		c := w.login()
		c.cmd(350, "RNFR f.txt")
		c.cmd(553, "RNTO f.php")
		c.cmd(553, "SITE COPY f.txt f.php")
		c.cmd(350, "SITE CPFR f.txt")
		c.cmd(553, "SITE CPTO f.php")
		c.cmd(553, "COMB f.php f.txt")
		c.cmd(350, "RNFR d")
		c.cmd(250, "RNTO folder.php") // folders are not uploaded
		w.missing("/f.php")
		c.quit()
	})
}

func TestJoinedFilesKeepToTheLargestSize(t *testing.T) {
	for target, want := range map[string]int{"new": 552, "ten": 552, "two": 250} {
		inMemory(t, func(srv *paradise.Server) { srv.Policy.MaxFileSize = 12 }, func(w *world) {
			w.files.Put("/ten", []byte("0123456789"))
			w.files.Put("/two", []byte("01"))
			w.files.Put("/five", []byte("01234"))
			w.files.Put("/more", []byte("56789"))
			c := w.login()
			parts := "five more"
			if target == "new" {
				parts = "five more ten"
			}
			c.cmd(want, "COMB %s %s", target, parts)
			c.quit()
		})
	}
}

// nothing is storage whose List returns no stream at all.
type nothing struct{ paradise.FileDriver }

func (nothing) List(context.Context, *paradise.Session, string) (paradise.Listing, error) {
	return nil, nil
}

func TestANilListingIsAnEmptyFolder(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Files = nothing{srv.Files}; srv.Policy.GrantTree = true }, func(w *world) {
		w.files.Put("/d/", nil)
		c := w.login()
		for _, verb := range []string{"LIST", "NLST", "MLSD"} {
			require.Empty(t, c.list(verb+" /d"))
		}
		c.cmd(212, "STAT /d")
		c.cmd(250, "RMDA /d")
		c.quit()
	})
}

// arranged lists what it has, in this order.
type arranged struct {
	paradise.FileDriver
	entries []paradise.Entry
}

func (f arranged) List(context.Context, *paradise.Session, string) (paradise.Listing, error) {
	return paradise.Entries(f.entries), nil
}

func TestListingsAreInTheOrderThatIsAskedFor(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	entries := []paradise.Entry{
		{Name: "b", Size: 2, ModTime: day(3)}, {Name: "d", Size: 9, ModTime: day(1)},
		{Name: "a", Size: 2, ModTime: day(2)}, {Name: "c", Size: 5, ModTime: day(3)},
	}
	inMemory(t, func(srv *paradise.Server) { srv.Files = arranged{srv.Files, entries} }, func(w *world) {
		c := w.login()
		for arg, want := range map[string]string{
			"": "b d a c", "-a": "b d a c", "-t": "b c a d", "-tr": "d a c b", "-S": "d c a b", "-Sr": "b a c d", "-r": "d c b a",
			"-t [a-c]": "b c a", "-r [!b]": "d c a",
		} {
			listed := strings.Fields(c.list("NLST " + arg))
			require.Equal(t, want, strings.Join(listed, " "), arg)
		}
		require.Regexp(t, `(?s) b\r\n.* c\r\n.* a\r\n.* d\r\n$`, c.list("LIST -lt"))
		c.quit()
	})
}

func TestAnOrderIsGivenToTenThousandEntries(t *testing.T) {
	for _, n := range []int{10_000, 10_001, 10_002} {
		var entries []paradise.Entry
		for i := range n {
			entries = append(entries, paradise.Entry{Name: fmt.Sprintf("%05d", i)})
		}
		inMemory(t, func(srv *paradise.Server) { srv.Files = arranged{srv.Files, entries} }, func(w *world) {
			c := w.login()
			listed := strings.Fields(c.list("NLST -r"))
			require.Len(t, listed, n)
			require.Equal(t, n <= 10_000, listed[0] > listed[n-1], "beyond that it is the storage's own")
			c.quit()
		})
	}
}

// list is a whole listing.
func (c *client) list(command string) string {
	c.w.t.Helper()
	d := c.begin(strings.TrimSpace(command))
	listed, err := io.ReadAll(d)
	require.NoError(c.w.t, err)
	d.Close()
	c.expect(226)
	return string(listed)
}
