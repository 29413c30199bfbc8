package paradise_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// beforeCommit is storage in which something happens just before an upload is
// published.
type beforeCommit struct {
	paradise.FileDriver
	name   string // of the upload
	happen func()
}

func (d beforeCommit) Store(ctx context.Context, s *paradise.Session, name string, o paradise.StoreOptions) (paradise.Upload, error) {
	up, err := d.FileDriver.Store(ctx, s, name, o)
	if err == nil && name == d.name {
		up = lateUpload{up, d.happen}
	}
	return up, err
}

type lateUpload struct {
	paradise.Upload
	happen func()
}

func (u lateUpload) Commit(ctx context.Context) error {
	u.happen()
	return u.Upload.Commit(ctx)
}

// A user who must not append begins a file by APPE. Whoever stores one under the name
// meanwhile keeps it.
func TestAnAppendThatBeginsAFileJoinsNobodyElses(t *testing.T) {
	for name, deny := range map[string]paradise.Perm{"append": paradise.PermAppend, "upload only": paradise.PermAllButUpload} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(srv *paradise.Server) { srv.Policy.Deny = deny }, func(w *world) {
				c, other := w.login(), w.login()
				late := c.begin("APPE free")
				io.WriteString(late, "ours")
				d := other.begin("STOR free")
				io.WriteString(d, "theirs")
				d.Close()
				other.expect(226)
				late.Close()
				c.expect(550)
				require.Equal(t, "theirs", w.content("/free"))
				c.quit()
				other.quit()
			})
		})
	}
}

func TestAJoinWithoutPermissionReplacesAndAddsToNothing(t *testing.T) {
	for name, deny := range map[string]paradise.Perm{"overwrite": paradise.PermOverwrite, "append": paradise.PermAppend} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, late: %t", name, late), func(t *testing.T) {
				d := &beforeCommit{name: "/target"}
				inMemory(t, func(srv *paradise.Server) {
					srv.Policy.Deny = deny
					d.FileDriver, srv.Files = srv.Files, d
				}, func(w *world) {
					w.files.Put("/p1", []byte("one"))
					w.files.Put("/p2", []byte("two"))
					d.happen = func() { w.files.Put("/target", []byte("theirs")) }
					if !late {
						d.happen()
					}
					c := w.login()
					c.cmd(550, "COMB target p1 p2")
					require.Equal(t, "theirs", w.content("/target"))
					require.Equal(t, "onetwo", w.content("/p1")+w.content("/p2"))
					c.quit()
				})
			})
		}
	}
}

// What no part is, the whole may be.
func TestAJoinIsJudgedByWhatItMakes(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.Gate.Deny = []string{exeType} }, func(w *world) {
		w.files.Put("/p1", []byte("M"))
		w.files.Put("/p2", []byte(exe[1:]))
		w.files.Put("/m", []byte("M"))
		c := w.login()
		c.cmd(550, `COMB "a.exe" "p1" "p2"`)
		c.cmd(550, `COMB "m" "p2"`)
		w.missing("/a.exe")
		require.Equal(t, "M", w.content("/m"))
		require.Equal(t, exe, w.content("/p1")+w.content("/p2"))
		c.quit()
	})
}

// Copies are held to the rules for uploads, by whomever they are made.
func TestACopyIsHeldToTheRulesForUploads(t *testing.T) {
	big := strings.Repeat("x", 3_000)
	for _, tc := range []struct {
		rule    string
		set     func(srv *paradise.Server)
		content string
		code    int
	}{
		{"too large", func(srv *paradise.Server) { srv.Policy.MaxFileSize = 1_000 }, big, 552},
		{"as large as may be", func(srv *paradise.Server) { srv.Policy.MaxFileSize = 3_000 }, big, 250},
		{"of a denied type", func(srv *paradise.Server) { srv.Policy.Gate.Deny = []string{exeType} }, exe, 550},
		{"of no allowed type", func(srv *paradise.Server) { srv.Policy.Gate.Allow = []string{"text/*"} }, png, 550},
		{"empty", func(srv *paradise.Server) { srv.Policy.Gate.Allow = []string{"image/*"} }, "", 250},
		{"empty and refused", func(srv *paradise.Server) { srv.Policy.Gate.RefuseEmpty = true }, "", 550},
		{"refused by its first bytes", func(srv *paradise.Server) {
			srv.AcceptUpload = func(_ context.Context, _ *paradise.Session, name string, info paradise.UploadInfo) error {
				if name != "/copy" || string(info.Head) != "virus" || !info.Whole {
					return nil
				}
				return errors.New("infected")
			}
		}, "virus", 550},
	} {
		for _, way := range []string{"SITE COPY f copy", "SITE CPTO copy"} {
			for _, byCore := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s: %s, by the core: %t", tc.rule, way, byCore), func(t *testing.T) {
					inMemory(t, func(srv *paradise.Server) {
						tc.set(srv)
						if !byCore {
							srv.Auth = withFiles{srv.Files}
						}
					}, func(w *world) {
						w.files.Put("/f", []byte(tc.content))
						c := w.login()
						if strings.Contains(way, "CPTO") {
							c.cmd(350, "SITE CPFR f")
						}
						c.cmd(tc.code, "%s", way)
						if tc.code == 250 {
							require.Equal(t, tc.content, w.content("/copy"))
						} else {
							w.missing("/copy")
						}
						c.quit()
					})
				})
			}
		}
	}
}

// withFiles has users see a storage itself, which copies by itself: the one that counts
// for the tests leaves copies to the core.
type withFiles struct{ files paradise.FileDriver }

func (a withFiles) Authenticate(_ context.Context, _ *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
	return &paradise.User{Name: c.User, Files: a.files}, nil
}

// Storage without links need not be searched for one: a name that is missing is missing.
func TestAMissingNameCostsNoListing(t *testing.T) {
	inMemory(t, nil, func(w *world) {
		for i := range 10_000 {
			w.files.Put(fmt.Sprintf("/%d", i), nil)
		}
		c := w.login()
		for _, line := range []string{"RNFR missing", "DELE missing", "RMD missing", "CWD missing", "MDTM missing", "SIZE missing", "SITE CPFR missing", "MFMT 20200102030405 missing"} {
			c.cmd(550, "%s", line)
		}
		require.Zero(t, w.count.Counts().List)
		c.quit()
	})
}

// A device that must not create gets no new name for what is taken, and no folders on
// the way to a name that it must not have.
func TestConcessionsToDevicesKeepToTheRules(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Policy.Deny = paradise.PermCreate
		srv.Policy.Device = paradise.DeviceProfile{RenameUploads: true, MakeParents: true}
		srv.Policy.Gate.DenyNames = []string{"*.sh"}
	}, func(w *world) {
		w.files.Put("/f.txt", []byte("old"))
		c := w.login()
		c.epsv()
		for _, line := range []string{"STOR new/folder/f", "APPE new/folder/f"} {
			c.cmd(550, "%s", line)
		}
		_, err := w.files.Stat(t.Context(), nil, "/new")
		require.Error(t, err, "a folder is left of what was refused")
		c.cmd(550, "STOR f.txt")
		w.missing("/f.1.txt")
		require.Equal(t, "old", w.content("/f.txt"))
		c.quit()
	})
	inMemory(t, func(srv *paradise.Server) {
		srv.Policy.Device.MakeParents = true
		srv.Policy.Gate.DenyNames = []string{"*.sh"}
	}, func(w *world) {
		c := w.login()
		c.epsv()
		c.cmd(553, "STOR new/folder/f.sh")
		_, err := w.files.Stat(t.Context(), nil, "/new")
		require.Error(t, err, "a folder is left of what was refused")
		c.quit()
	})
}

// What is joined is of one moment: a part that others change is not joined, and one that
// they put in its place later is not removed.
func TestAPartThatIsChangedIsNotJoined(t *testing.T) {
	d := &beforeCommit{name: "/target"}
	inMemory(t, func(srv *paradise.Server) { d.FileDriver, srv.Files = srv.Files, d }, func(w *world) {
		for name, change := range map[string]func(){
			"another content": func() { w.files.Put("/p2", []byte("theirs")) },
			"gone":            func() { require.NoError(t, w.files.Remove(t.Context(), nil, "/p2")) },
		} {
			w.files.Put("/target", []byte("old"))
			w.files.Put("/p1", []byte("one"))
			w.files.Put("/p2", []byte("two"))
			d.happen = change
			c := w.login()
			c.cmd(450, "COMB target p1 p2")
			require.Equal(t, "old", w.content("/target"), name)
			require.Equal(t, "one", w.content("/p1"), name)
			c.quit()
		}
	})
}

// To resume before the end of a file is to replace what is behind.
func TestAResumeBeforeTheEndReplaces(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.Deny = paradise.PermOverwrite }, func(w *world) {
		c, other := w.login(), w.login()
		for _, verb := range []string{"STOR", "APPE"} {
			w.files.Put("/f", []byte("old"))
			c.epsv()
			c.cmd(350, "REST 1")
			c.cmd(550, "%s f", verb)
			c.cmd(350, "REST 3")
			d := c.begin("%s f", verb)
			io.WriteString(d, " and new")
			d.Close()
			c.expect(226)
			require.Equal(t, "old and new", w.content("/f"))
		}

		w.files.Put("/f", []byte("old"))
		c.cmd(350, "REST 3")
		late := c.begin("STOR f")
		d := other.begin("APPE f")
		io.WriteString(d, ", theirs")
		d.Close()
		other.expect(226)
		io.WriteString(late, "ours")
		late.Close()
		c.expect(550)
		require.Equal(t, "old, theirs", w.content("/f"))
		c.quit()
		other.quit()
	})
}

// movesOnce renames /a to /b behind the first look at /a.
type movesOnce struct {
	paradise.FileDriver
	moved bool
}

func (d *movesOnce) Stat(ctx context.Context, s *paradise.Session, name string) (paradise.Entry, error) {
	e, err := d.FileDriver.Stat(ctx, s, name)
	if name == "/a" && !d.moved {
		d.moved = true
		err = errors.Join(err, d.Rename(ctx, s, "/a", "/b", paradise.RenameOptions{}))
	}
	return e, err
}

func TestAFileThatMovesBetweenTwoLooksIsNotNamedTwice(t *testing.T) {
	d := &movesOnce{}
	inMemory(t, func(srv *paradise.Server) { d.FileDriver, srv.Files = srv.Files, d }, func(w *world) {
		w.files.Put("/a", []byte("one"))
		w.files.Put("/b", []byte("two"))
		c := w.login()
		c.cmd(250, "COMB a b")
		require.Equal(t, "one", w.content("/a"))
		w.missing("/b")
		c.quit()
	})
}
