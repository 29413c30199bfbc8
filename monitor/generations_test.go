package monitor

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// draining is an older process with n sessions, of which the last moves a file.
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
	assert.NotContains(t, body, "generations", "none, none told")

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

// What another process tells is as foreign as what clients do.
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

// An older process may be slow to answer; who ends sessions or scrapes metrics
// does not wait for it, nor do the plots.
func TestASlowOlderProcessHoldsUpOnlyWhoAsks(t *testing.T) {
	asked, release := make(chan struct{}, 1), make(chan struct{})
	w := watch(t, Options{Generations: func() []Generation {
		asked <- struct{}{}
		<-release
		return nil
	}})
	ended := make(chan struct{})
	go func() {
		w.handler.hub.now()
		close(ended)
	}()
	<-asked
	w.handler.hub.record()
	w.get("/metrics")
	assert.Empty(t, asked, "nobody else has asked")
	close(release)
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		require.FailNow(t, "the snapshot never came")
	}
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
