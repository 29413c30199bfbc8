package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// draining returns an older process with n sessions, the last of which has a transfer.
func draining(pid, n int, user, name string) Generation {
	g := Generation{PID: pid, Started: noon, Transfers: 1}
	for id := range uint64(n) {
		g.Sessions = append(g.Sessions, Session{ID: id, User: user})
	}
	g.Sessions[n-1].Transfer = &Transfer{Verb: "STOR", Name: name}
	return g
}

func TestOlderProcessesAreTold(t *testing.T) {
	var list []Generation
	w := watch(t, Options{Generations: func() []Generation { return list }})
	_, body := w.get("/stats.json")
	assert.NotContains(t, body, "generations", "there are none")

	list = []Generation{draining(41, 2, "auser", "/a"), draining(42, maxOlder+5, "buser", "/b")}
	_, body = w.get("/stats.json")
	var s Snapshot
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	require.Len(t, s.Generations, 2)
	assert.Equal(t, 41, s.Generations[0].PID)
	assert.Equal(t, noon, s.Generations[0].Started)
	assert.Equal(t, 2, s.Generations[0].Clients)
	assert.EqualValues(t, 1, s.Generations[0].Transfers)
	assert.Len(t, s.Generations[1].Sessions, maxOlder+5)

	v := w.view()
	v.next("history", new([]Point))
	for range 2 { // the first event, and a later one
		s = v.stats()
		require.Len(t, s.Generations, 2)
		require.Len(t, s.Generations[1].Sessions, maxOlder, "an event is bounded")
		assert.Equal(t, maxOlder+5, s.Generations[1].Clients)
		assert.NotNil(t, s.Generations[1].Sessions[0].Transfer, "transfers go first")
	}
	assert.Len(t, list[1].Sessions, maxOlder+5, "the host's list stays as it is")
}

func TestTheTextFormListsOlderProcessesSessionsFirst(t *testing.T) {
	g := draining(41, 1, "olduser", "/a")
	g.Sessions[0].Short, g.Sessions[0].Opened = "41949e", time.Now()
	g.Sessions[0].Passive = []Passive{{ID: "0fbeb0", Port: 59119, Verb: "STOR", Arg: "/a", Opened: time.Now(), Open: true}}
	w := watch(t, Options{Generations: func() []Generation { return []Generation{g} }})
	_, body := w.get("/")
	require.Regexp(t, `^1 client\(s\), 1 passive\(s\), Up for [0-9:]{8}
   41949e 00:00:0\d, olduser
     0fbeb0 00:00:0\d, 59119 STOR /a
$`, body)
}

// Text from another process is no more trusted than text from clients.
func TestHostileNamesOfOlderProcessesStayText(t *testing.T) {
	const markup, control = "<img src=x onerror=alert(1)>", "\x1b[31m\u202Egpj.exe\n"
	g := draining(41, 1, markup, "/"+control)
	g.Sessions[0].Arg, g.Sessions[0].Verb, g.Sessions[0].Short, g.Sessions[0].Remote = control, control, control, control
	g.Sessions[0].Passive = []Passive{{Verb: control, Arg: control}}
	w := watch(t, Options{Generations: func() []Generation { return []Generation{g} }})
	_, body := w.get("/stats.json")
	assert.NotContains(t, body, "<img")
	assert.NotRegexp(t, `\\u001b|\\u202e|gpj\.exe\\n|\x{202E}|\x1b`, body)
	var s Snapshot
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	require.Len(t, s.Generations, 1)
	assert.Equal(t, markup, s.Generations[0].Sessions[0].User)
	assert.Equal(t, "/?[31m?gpj.exe?", s.Generations[0].Sessions[0].Transfer.Name)
	assert.Equal(t, "/"+control, g.Sessions[0].Transfer.Name, "the host's own stays as it is")
}

// An older process may be slow to answer, or stopped. Nobody waits for long, and its
// last known figures are shown.
func TestASlowProcessHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		release := make(chan struct{})
		r := &relatives{ask: func() []Generation {
			n := asked.Add(1)
			if n > 1 {
				<-release
			}
			return []Generation{counting(41, int(n))}
		}}
		require.Equal(t, 1, r.now()[0].Clients)
		for range 3 {
			began := time.Now()
			require.Equal(t, 1, r.now()[0].Clients, "what it told last")
			require.Equal(t, answerTime, time.Since(began))
		}
		require.EqualValues(t, 2, asked.Load(), "one question is out at a time")
		close(release)
		synctest.Wait()
		require.Equal(t, 4, r.now()[0].Clients, "the third was for those who came during the second")
	})
}

// counting returns a draining process with n sessions, each of which has uploaded ten
// bytes and is uploading again.
func counting(pid, n int) Generation {
	st := paradise.Stats{Now: noon, Started: noon.Add(-time.Hour), Draining: true, SessionsTotal: int64(n), PassiveListeners: int64(n),
		Commands: map[string]int64{"STOR": 2 * int64(n)}, Refused: map[string]int64{"banned": int64(n)},
		Uploads: paradise.TransferStats{Running: int64(n), Done: int64(n), Bytes: 10 * int64(n)},
	}
	for i := range n {
		st.Sessions = append(st.Sessions, paradise.SessionStats{
			ID: uint64(1000*pid + i), Short: short6(pid, i), User: "olduser", Opened: noon,
			Transfer: &paradise.TransferNow{Verb: "STOR", Name: "/old", Started: noon, Size: -1},
			Passive:  []paradise.PassiveStats{{ID: short6(pid, i), Verb: "STOR", Open: true, Opened: noon}},
		})
	}
	return Generation{PID: pid, Stats: st}
}

func short6(pid, i int) string { return fmt.Sprintf("%03x%03x", pid, i) }

// ended returns g as it is after the process has exited.
func ended(g Generation) Generation {
	g.Ended = true
	return g
}

func TestEveryViewSumsAllProcesses(t *testing.T) {
	w := watch(t, Options{Generations: func() []Generation {
		return []Generation{ended(counting(40, 5)), counting(41, 2), counting(42, 1)}
	}})
	w.login("auser").store("f", "0123456789")

	_, text := w.get("/metrics")
	m, err := parseMetrics(text)
	require.NoError(t, err)
	for _, c := range []struct {
		family, labels string
		want           float64
	}{
		{"paradise_sessions", "", 4},
		{"paradise_sessions_total", "", 9},
		{"paradise_commands_total", `command="STOR"`, 17},
		{"paradise_transfers_total", `direction="upload",result="ok"`, 9},
		{"paradise_transfer_bytes_total", `direction="upload"`, 90},
		{"paradise_transfers_in_progress", `direction="upload"`, 3},
		{"paradise_passive_ports", `state="listening"`, 3},
		{"paradise_refused_total", `reason="banned"`, 8},
		{"paradise_draining", "", 0},
	} {
		assert.Equal(t, c.want, m[c.family].of(c.labels), c.family)
	}

	v := w.view()
	v.next("history", new([]Point))
	_, body := w.get("/stats.json")
	var s Snapshot
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	for name, s := range map[string]Snapshot{"JSON": s, "event": v.stats()} {
		assert.Equal(t, 4, s.Clients, name)
		assert.EqualValues(t, 9, s.Opened, name)
		assert.Equal(t, Totals{Running: 3, Done: 9, Bytes: 90}, s.Uploads, name)
		assert.Equal(t, 3, s.Channels, name)
		require.Len(t, s.Sessions, 1, name)
		require.Len(t, s.Generations, 2, name)
		assert.Equal(t, 41, s.Generations[0].PID)
		assert.Equal(t, noon.Add(-time.Hour), s.Generations[0].Started)
		assert.Equal(t, 2, s.Generations[0].Clients)
		assert.EqualValues(t, 2, s.Generations[0].Transfers)
		assert.Len(t, s.Generations[0].Sessions, 2)
	}

	for _, accept := range []string{"Accept: */*", browser} {
		_, body = w.get("/", accept)
		assert.Contains(t, body, "4 client(s), 4 passive(s), Up for 00:00:0", accept)
		for _, short := range []string{short6(41, 0), short6(41, 1), short6(42, 0)} {
			assert.Equal(t, 2, strings.Count(body, short), "a session and its channel")
		}
		assert.NotContains(t, body, short6(40, 0))
	}
}

func TestRatesAreOfAllProcesses(t *testing.T) {
	var m meter
	at := func(second int, bytes int64) *Snapshot {
		g := counting(41, 1)
		g.Stats.Uploads.Bytes = bytes
		g.Stats.Sessions[0].Transfer.Bytes = bytes
		return m.measure(paradise.Stats{Now: noon.Add(time.Duration(second) * time.Second)}, g.filled())
	}
	at(1, 1000)
	s := at(2, 4000)
	assert.InDelta(t, 3000, s.UpRate, 1e-9)
	assert.InDelta(t, 3000, s.Generations[0].Sessions[0].Transfer.Rate, 1e-9)
}

// The server does not drain as long as one of its processes accepts new clients.
func TestAServerIsReadyWhileOneOfItsProcessesIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		young := counting(42, 1)
		young.Stats.Draining = false
		srv := &paradise.Server{}
		h, err := New(srv, Options{Generations: func() []Generation { return []Generation{counting(41, 1), young} }})
		require.NoError(t, err)
		require.NoError(t, srv.Shutdown(t.Context()))
		assert.True(t, h.readiness.look() == isReady)
		s := h.hub.now()
		assert.False(t, s.Draining)
		assert.Equal(t, []bool{false, true}, []bool{s.Generations[0].Serving, s.Generations[1].Serving})
		young.Stats.Draining = true
		time.Sleep(readyFor)
		assert.False(t, h.readiness.look() == isReady)
		assert.True(t, h.hub.now().Draining)
	})
}

func TestAKickReachesTheProcessThatHasTheSession(t *testing.T) {
	var asked []uint64
	w := watch(t, Options{Token: testToken, Kick: func(id uint64) error {
		asked = append(asked, id)
		switch id {
		case 41001:
			return nil
		case 41002:
			return errors.New("no answer")
		}
		return paradise.ErrNoSession
	}})
	kick := func(id uint64) int {
		resp, _ := w.do(w.request("POST", "/sessions/"+itoa(id)+"/kick", "", "Authorization: Bearer "+testToken))
		return resp.StatusCode
	}
	c := w.login("auser")
	assert.Equal(t, http.StatusNoContent, kick(w.srv.Stats().Sessions[0].ID))
	c.reply("421")
	assert.Empty(t, asked, "it is one of this process's own")
	assert.Equal(t, http.StatusNoContent, kick(41001))
	assert.Equal(t, http.StatusBadGateway, kick(41002))
	assert.Equal(t, http.StatusNotFound, kick(41003))
	assert.Equal(t, []uint64{41001, 41002, 41003}, asked)
}

func TestTheDrainingTableIsHiddenAndAccessible(t *testing.T) {
	w := watch(t, Options{})
	_, body := w.get("/", browser)
	table := regexp.MustCompile(`(?s)<section id="older" hidden>\n<table id="draining".*?</table>`).FindString(body)
	require.NotEmpty(t, table)
	assert.Contains(t, table, "<caption>Draining ")
	assert.Len(t, regexp.MustCompile(`<th [^>]*scope="col"`).FindAllString(table, -1), 5)
	_, script := w.get("/assets/page.js")
	assert.NotRegexp(t, `innerHTML\s*=[^=]|insertAdjacentHTML|outerHTML|document\.write|DOMParser`, script)
}
