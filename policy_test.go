package paradise_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func TestEachPermissionRefusesItsVerbsWith550(t *testing.T) {
	for _, tc := range []struct {
		deny     paradise.Perm
		refused  []string
		accepted map[string]int
	}{
		{paradise.PermList, []string{"LIST", "NLST", "MLSD", "MLST /f", "STAT /"}, map[string]int{"SIZE /f": 213}},
		{paradise.PermRead, []string{"RETR /f", "HASH /f", "XCRC /f", "SITE CPFR /f"}, map[string]int{"SIZE /f": 213}},
		{paradise.PermCreate, []string{"STOR /new", "APPE /new", "STOU"}, nil},
		{paradise.PermOverwrite, []string{"STOR /f"}, nil},
		{paradise.PermAppend, []string{"APPE /f"}, nil},
		{paradise.PermDelete, []string{"DELE /f", "RMDA /d", "RMD -r /d", "SITE RMDIR -r /d"}, map[string]int{"RMD /d": 250}},
		{paradise.PermRename, []string{"RNFR /f"}, nil},
		{paradise.PermMkdir, []string{"MKD /x", "XMKD /x", "SITE MKDIR /x"}, nil},
		{paradise.PermRmdir, []string{"RMD /d", "XRMD /d", "RMDA /d"}, map[string]int{"DELE /f": 250}},
		{paradise.PermChmod, []string{"SITE CHMOD 644 /f", "MFF UNIX.mode=644; /f"}, nil},
		{paradise.PermTimes, []string{"MFMT 20200101000000 /f", "MFCT 20200101000000 /f", "SITE UTIME 20200101000000 /f", "MDTM 20200101000000 f"}, map[string]int{"MDTM /f": 213}},
		{paradise.PermSite, []string{"SITE WHO", "SITE IDLE"}, map[string]int{"SITE HELP": 214}},
		{paradise.PermAllButUpload, []string{"LIST", "RETR /f", "DELE /f", "STOR /f", "RNFR /f"}, map[string]int{"SIZE /f": 213}},
		{paradise.PermWrites, []string{"STOR /new", "STOU", "APPE /f", "DELE /f", "MKD /x", "RMD /d", "RNFR /f"}, nil},
	} {
		for _, command := range tc.refused {
			inMemory(t, func(srv *paradise.Server) { srv.Policy.Deny = tc.deny }, func(w *world) {
				w.files.Put("/f", []byte("old"))
				w.files.Put("/d/", nil)
				c := w.login()
				c.epsv()
				require.Contains(t, c.cmd(550, "%s", command), "ermission denied", command)
				require.Equal(t, "old", w.content("/f"))
				c.quit()
			})
		}
		for command, code := range tc.accepted {
			inMemory(t, func(srv *paradise.Server) { srv.Policy.Deny = tc.deny }, func(w *world) {
				w.files.Put("/f", []byte("old"))
				w.files.Put("/d/", nil)
				c := w.login()
				c.cmd(code, "%s", command)
				c.quit()
			})
		}
	}
}

func TestADropBoxTakesNewFilesAndGivesNothingBack(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.Deny = paradise.PermAllButUpload }, func(w *world) {
		c := w.login()
		d := c.begin("STOR new")
		io.WriteString(d, "content")
		d.Close()
		c.expect(226)
		require.Equal(t, "content", w.content("/new"))
		c.epsv()
		c.cmd(550, "RETR new")
		c.quit()
	})
}

func TestTheUsersPolicyReplacesTheServers(t *testing.T) {
	auth := paradise.AuthFunc(func(_ context.Context, s *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
		p := s.Policy
		p.Deny = paradise.PermWrites
		return &paradise.User{Policy: &p, Home: "/home"}, nil
	})
	inMemory(t, func(srv *paradise.Server) { srv.Auth = auth }, func(w *world) {
		c := w.login()
		require.Contains(t, c.cmd(257, "PWD"), `"/home"`)
		c.cmd(550, "MKD x")
		c.cmd(331, "USER auser") // starts again, and mixes nothing
		c.cmd(530, "PWD")
		c.quit()
	})
}

func TestSessionsOfOneUserAreBounded(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) { srv.Policy.MaxSessions = 2 }, func(w *world) {
		a, b := w.login(), w.login()
		c := w.dial()
		c.cmd(331, "USER auser")
		c.cmd(530, "PASS secret")
		a.quit()
		c.cmd(331, "USER auser")
		c.cmd(230, "PASS secret")
		b.quit()
		c.quit()
	})
}

func TestDeviceProfile(t *testing.T) {
	device := func(d paradise.DeviceProfile) func(*paradise.Server) {
		return func(srv *paradise.Server) { srv.Policy.Device = d }
	}
	store := func(c *client, name string) {
		d := c.begin("STOR %s", name)
		io.WriteString(d, "new")
		d.Close()
		c.expect(226)
	}
	t.Run("MKD of a folder that exists answers 257", func(t *testing.T) {
		inMemory(t, device(paradise.DeviceProfile{MkdExistingOK: true}), func(w *world) {
			w.files.Put("/f", nil)
			c := w.login()
			c.cmd(257, "MKD /d")
			c.cmd(257, "MKD /d")
			c.cmd(550, "MKD /f")
			c.quit()
		})
	})
	t.Run("STOR and MKD make missing parents", func(t *testing.T) {
		inMemory(t, device(paradise.DeviceProfile{MakeParents: true}), func(w *world) {
			c := w.login()
			store(c, "/2026/11/25/cam.jpg")
			c.cmd(257, "MKD /a/b/c")
			require.Equal(t, "new", w.content("/2026/11/25/cam.jpg"))
			c.quit()
		})
	})
	t.Run("a backslash separates folders", func(t *testing.T) {
		inMemory(t, device(paradise.DeviceProfile{Backslash: true}), func(w *world) {
			w.files.Put("/d/", nil)
			c := w.login()
			store(c, `\d\f.txt`)
			require.Equal(t, "new", w.content("/d/f.txt"))
			c.quit()
		})
	})
	t.Run("STOR to a taken name renames", func(t *testing.T) {
		inMemory(t, device(paradise.DeviceProfile{RenameUploads: true}), func(w *world) {
			w.files.Put("/f.jpg", []byte("old"))
			c := w.login()
			store(c, "f.jpg")
			store(c, "f.jpg")
			require.Equal(t, "old", w.content("/f.jpg"))
			require.Equal(t, "new", w.content("/f.1.jpg"))
			require.Equal(t, "new", w.content("/f.2.jpg"))
			c.quit()
		})
	})
	t.Run("unknown SITE commands answer 200", func(t *testing.T) {
		inMemory(t, device(paradise.DeviceProfile{QuietSite: true}), func(w *world) {
			c := w.login()
			c.cmd(200, "SITE ANYTHING AT ALL")
			c.quit()
		})
	})
	t.Run("NLST lists names only", func(t *testing.T) {
		inMemory(t, device(paradise.DeviceProfile{NLSTNamesOnly: true, NLSTNoMatch550: true}), func(w *world) {
			w.files.Put("/d/f", nil)
			c := w.login()
			d := c.begin("NLST d")
			list, _ := io.ReadAll(d)
			d.Close()
			c.expect(226)
			require.Equal(t, "f\r\n", string(list))
			d = c.begin("NLST *.none")
			d.Close()
			c.expect(550)
			c.quit()
		})
	})
	t.Run("SIZE answers in ASCII type", func(t *testing.T) {
		inMemory(t, device(paradise.DeviceProfile{SizeInASCII: true}), func(w *world) {
			w.files.Put("/f", []byte("abc"))
			c := w.login()
			c.cmd(200, "TYPE A")
			c.cmd(213, "SIZE f")
			c.quit()
		})
	})
}

func TestHostCommandsHaveNeedsAndPermissionsLikeOurs(t *testing.T) {
	run := func(_ context.Context, s *paradise.Session, _ paradise.FileDriver, arg string) (paradise.Reply, error) {
		if arg == "fail" {
			return paradise.Reply{}, paradise.ErrQuota
		}
		return paradise.Reply{Code: 250, Text: strings.ToUpper(arg) + "\nfor " + s.User.Name}, nil
	}
	inMemory(t, func(srv *paradise.Server) {
		srv.Commands = []paradise.Command{
			{Name: "SHOUT", NeedLogin: true, NeedArg: true, Syntax: "text", Feat: "SHOUT", Run: run},
			{Name: "NEVER", NeedLogin: true, Perm: paradise.PermChmod, Run: run},
		}
		srv.SiteCommands = []paradise.Command{{Name: "SHOUT", NeedArg: true, Run: run}}
		srv.Policy.Deny = paradise.PermChmod
	}, func(w *world) {
		c := w.dial()
		c.cmd(530, "SHOUT hello")
		c.cmd(331, "USER auser")
		c.cmd(230, "PASS secret")
		require.Equal(t, "250-HELLO\r\n250 for auser", c.cmd(250, "shout hello"))
		c.cmd(501, "SHOUT")
		c.cmd(552, "SHOUT fail")
		c.cmd(550, "NEVER x")
		c.cmd(250, "SITE SHOUT hello")
		require.Contains(t, c.cmd(211, "FEAT"), "\r\n SHOUT\r\n")
		require.Contains(t, c.cmd(214, "HELP"), "SHOUT")
		require.Contains(t, c.cmd(214, "SITE HELP"), "SHOUT")
		c.quit()
	})
}

func TestTheArgumentOfAHiddenCommandAppearsNowhere(t *testing.T) {
	var log bytes.Buffer
	var seen []string
	run := func(_ context.Context, _ *paradise.Session, _ paradise.FileDriver, arg string) (paradise.Reply, error) {
		return paradise.Reply{Code: 200, Text: "Changed to " + arg}, nil
	}
	inMemory(t, func(srv *paradise.Server) {
		srv.Commands = []paradise.Command{{Name: "PSWD", NeedLogin: true, Hidden: true, Run: run}}
		srv.SiteCommands = srv.Commands
		srv.Policy.Trace = true
		srv.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, verb, arg string) error {
			seen = append(seen, verb+" "+arg)
			return nil
		}
		srv.Hooks.After = func(_ context.Context, _ *paradise.Session, verb, arg string, _ int) {
			seen = append(seen, verb+" "+arg)
		}
	}, func(w *world) {
		c := w.login()
		for command, shown := range map[string]string{"PSWD s3cret": "****", "SITE PSWD s3cret": "PSWD ****", "site pswd s3cret": "PSWD ****"} {
			require.Equal(t, "200 Changed to s3cret", c.cmd(200, "%s", command))
			require.Equal(t, shown, w.srv.Stats().Sessions[0].Arg)
		}
		c.quit()
	})
	require.Contains(t, seen, "PSWD ****")
	require.Contains(t, seen, "SITE PSWD ****")
	require.NotContains(t, strings.Join(seen, "\n"), "s3cret")
	require.Contains(t, log.String(), "PSWD")
	require.NotContains(t, strings.ReplaceAll(log.String(), "Changed to s3cret", ""), "s3cret")
}

func TestAMalformedPatternOfAUserLetsNothingIn(t *testing.T) {
	for name, gate := range map[string]paradise.Gate{"names": {Names: []string{"[a"}}, "denied names": {DenyNames: []string{"[a"}}} {
		t.Run(name, func(t *testing.T) {
			auth := paradise.AuthFunc(func(_ context.Context, _ *paradise.Session, c paradise.Credentials) (*paradise.User, error) {
				return &paradise.User{Name: c.User, Policy: &paradise.Policy{Gate: gate}}, nil
			})
			inMemory(t, func(srv *paradise.Server) { srv.Auth = auth }, func(w *world) {
				c := w.login()
				d := c.begin("STOR a")
				io.WriteString(d, "data")
				d.Close()
				c.expect(553)
				c.quit()
				w.missing("/a")
			})
		})
	}
}

func TestSessionsOfAUserAreCountedAndToldPerHost(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Policy.MaxSessions = 1
		srv.Hosts = map[string]paradise.Host{"b.example": {Auth: srv.Auth}}
	}, func(w *world) {
		here := w.login()
		there := w.dial()
		there.cmd(220, "HOST b.example")
		there.cmd(331, "USER auser")
		there.cmd(230, "PASS secret")
		for _, c := range []*client{here, there} {
			require.Equal(t, 3, strings.Count(c.cmd(211, "SITE WHO"), "\n")+1, "a head, the own session, an end")
			another := w.dial()
			if c == there {
				another.cmd(220, "HOST b.example")
			}
			another.cmd(331, "USER auser")
			another.cmd(530, "PASS secret")
			another.conn.Close()
		}
		here.quit()
		there.quit()
	})
}

func TestHostTakesNamesOfRFC7151(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Hosts = map[string]paradise.Host{"a.example": {}, "[::1]": {}}
	}, func(w *world) {
		for arg, code := range map[string]int{
			"a.example": 220, "A.Example.": 220, "[::1]": 220, "[0:0::1]": 220, "b.example": 504, "[::2]": 504, "xn--bcher-kva.example": 504,
			"a..b": 501, "-a.example": 501, "a-.example": 501, "b\u00fccher.example": 501, "a_b": 501, "a b": 501, ".": 501,
			strings.Repeat("a", 64) + ".example": 501, strings.Repeat("a.", 128) + "a": 501, "[::1%eth0]": 501, "[127.0.0.1]": 501, "[::1": 501,
		} {
			c := w.dial()
			c.cmd(code, "HOST %s", arg)
			c.quit()
		}
	})
}

func TestHooksSeeAndRefuseCommands(t *testing.T) {
	var seen []string
	inMemory(t, func(srv *paradise.Server) {
		srv.Hooks.Before = func(_ context.Context, _ *paradise.Session, verb, arg string) error {
			seen = append(seen, verb+" "+arg)
			switch verb {
			case "DELE":
				return &paradise.ReplyError{Code: 450, Text: "Not today"}
			case "RMD":
				return io.EOF
			}
			return nil
		}
		srv.Hooks.After = func(_ context.Context, _ *paradise.Session, verb, arg string, code int) {
			if code >= 400 {
				seen = append(seen, "after "+verb+" "+arg)
			}
		}
	}, func(w *world) {
		w.files.Put("/f", nil)
		c := w.login()
		require.Contains(t, c.cmd(450, "DELE f"), "Not today")
		c.cmd(550, "RMD f")
		c.quit()
	})
	require.Equal(t, []string{"USER auser", "PASS ****", "DELE f", "after DELE f", "RMD f", "after RMD f", "QUIT "}, seen)
}

func TestConnectHookRefusesWith421(t *testing.T) {
	inMemory(t, func(srv *paradise.Server) {
		srv.Hooks.Connect = func(context.Context, *paradise.Session) error {
			return &paradise.ReplyError{Code: 421, Text: "Closed for maintenance"}
		}
	}, func(w *world) {
		c := w.dialFrom(clientAddr)
		require.Contains(t, c.expect(421), "maintenance")
		c.closed()
	})
}
