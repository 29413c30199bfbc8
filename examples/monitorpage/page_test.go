package monitorpage_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/monitor"
)

func TestRowsAppearAndVanishWithTheirClients(t *testing.T) {
	w, tab := newWatched(t), openTab(t)
	run(t, tab, chromedp.Navigate(w.page))
	eventually(t, tab, `document.querySelector("#sessions tbody").textContent === "No client is connected."`)

	c := w.login("auser")
	eventually(t, tab, sessionRow("auser")+` !== undefined`)
	eventually(t, tab, `document.querySelector("#now-sessions").textContent === "1"`)

	u := startUpload(c, "holiday.txt")
	u.send(t, 200_000)
	eventually(t, tab, sessionRow("auser")+`?.cells[4].textContent === "/holiday.txt"`)
	eventually(t, tab, sessionRow("auser")+`?.cells[6].textContent === "200 kB"`)
	assert.Equal(t, "STOR", value[string](t, tab, sessionRow("auser")+`.cells[3].textContent`))
	u.send(t, 100_000)
	eventually(t, tab, sessionRow("auser")+`?.cells[6].textContent === "300 kB"`)

	require.NoError(t, u.Close())
	require.NoError(t, <-u.ended)
	eventually(t, tab, `document.querySelector("#recent tbody th bdi")?.textContent === "/holiday.txt"`)
	assert.Contains(t, value[string](t, tab, `document.querySelector("#recent tbody tr").cells[4].textContent`), "226")

	require.NoError(t, c.Quit())
	eventually(t, tab, sessionRow("auser")+` === undefined`)
	eventually(t, tab, `document.querySelector("#now-sessions").textContent === "0"`)
}

func TestOlderTransfersUnfold(t *testing.T) {
	w, tab := newWatched(t), openTab(t)
	c := w.login("auser")
	for i := range 20 {
		require.NoError(t, put(t, c, fmt.Sprintf("%02d.txt", i), text(100)))
	}
	run(t, tab, chromedp.Navigate(w.page))
	eventually(t, tab, `document.querySelectorAll("#recent tbody tr").length === 12`)
	assert.Equal(t, "/19.txt", value[string](t, tab, `document.querySelector("#recent tbody th bdi").textContent`),
		"the newest is first")
	run(t, tab, chromedp.Click(chromedp.ID("more")))
	eventually(t, tab, `document.querySelectorAll("#recent tbody tr").length === 20`)
	run(t, tab, chromedp.Click(chromedp.ID("more")))
	eventually(t, tab, `document.querySelectorAll("#recent tbody tr").length === 12`)
}

func TestForeignNamesStayText(t *testing.T) {
	w, tab := newWatched(t), openTab(t)
	run(t, tab, recordTrouble, chromedp.Navigate(w.page))
	// The name that people try; as a path it is a folder and a file.
	const user, folder, file = "<img src=x onerror=alert(1)>", "<script>alert(1)<", "/<script>alert(1)</script>"
	c := w.login(user)
	require.NoError(t, c.MakeDir(folder))
	require.NoError(t, put(t, c, file, text(1000)))
	u := startUpload(c, file)
	u.send(t, 5000)
	eventually(t, tab, sessionRow(user)+fmt.Sprintf(`?.cells[4].textContent === %q`, file))
	eventually(t, tab, fmt.Sprintf(`document.querySelector("#recent tbody th bdi")?.textContent === %q`, file))
	assert.Zero(t, value[int](t, tab, `document.querySelectorAll("main script, main img").length`))
	require.NoError(t, u.Close())
	require.NoError(t, <-u.ended)
	assert.Empty(t, value[[]string](t, tab, `window.trouble`))
}

// recordTrouble records faults of the page: a violation of its content policy, an error, or an
// unexpected dialog.
var recordTrouble = chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
	_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.trouble = [];
		document.addEventListener("securitypolicyviolation", (e) => trouble.push(e.violatedDirective + " " + e.blockedURI));
		window.addEventListener("error", (e) => trouble.push(e.message));
		window.addEventListener("unhandledrejection", (e) => trouble.push(String(e.reason)));
		window.alert = (text) => trouble.push("alert " + text);
	`})
	return err
})

func TestOlderProcessesAreShownWhileTheyDrain(t *testing.T) {
	const user, file = "<img src=x onerror=alert(1)>", "/<script>alert(1)</script>"
	moving := func(name string) monitor.Session {
		return monitor.Session{ID: 2, User: user, Transfer: &monitor.Transfer{Verb: "STOR", Name: name}}
	}
	w, tab := newWatched(t), openTab(t)
	run(t, tab, recordTrouble, chromedp.Navigate(w.page))
	eventually(t, tab, `document.querySelector("#state").dataset.state === "serving"`)
	assert.True(t, value[bool](t, tab, `document.querySelector("#older").checkVisibility() === false`), "there is none")

	w.older.Store(&[]monitor.Generation{
		{PID: 4711, Started: time.Now().Add(-time.Hour), Clients: 7, Transfers: 1,
			Sessions: []monitor.Session{{ID: 1, User: "idle"}, moving(file)}},
		{PID: 4712, Started: time.Now(), Clients: 1, Silent: true},
		{PID: 4713, Started: time.Now(), Serving: true, Sessions: []monitor.Session{{ID: 3, User: "new"}}},
	})
	eventually(t, tab, `document.querySelectorAll("#draining tbody tr").length === 2`)
	assert.True(t, value[bool](t, tab, `document.querySelector("#older").checkVisibility()`))
	cells := value[[]string](t, tab, `[...document.querySelector("#draining tbody tr").cells].map(c => c.textContent)`)
	require.Len(t, cells, 5)
	assert.Equal(t, []string{"4711", "7", "1", user + " " + file}, slices.Delete(cells, 1, 2))
	assert.Equal(t, "4712, does not answer",
		value[string](t, tab, `document.querySelectorAll("#draining tbody th")[1].textContent`))
	assert.Equal(t, "9", value[string](t, tab, `document.querySelector("#now-sessions").textContent`))
	assert.Equal(t, "3 of 9, those with transfers first",
		value[string](t, tab, `document.querySelector("#sessions-note").textContent`))
	assert.Contains(t, value[string](t, tab, sessionRow("idle")+`.cells[0].textContent`), "process 4711")
	eventually(t, tab, sessionRow("new")+` !== undefined`)
	assert.Equal(t, "row", value[string](t, tab, `document.querySelector("#draining tbody th").scope`))
	assert.Zero(t, value[int](t, tab, `document.querySelectorAll("main script, main img").length`))
	assert.Contains(t, accessible(t, tab)["table"], "Draining older processes, until their transfers have ended")

	w.older.Store(new([]monitor.Generation))
	eventually(t, tab, `!document.querySelector("#older").checkVisibility()`)
	assert.Empty(t, value[[]string](t, tab, `window.trouble`))
}

func TestScreenReadersFindTablesWithCaptions(t *testing.T) {
	w, tab := newWatched(t), openTab(t)
	c := w.login("auser")
	defer c.Quit()
	for _, width := range []int64{1280, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			run(t, tab, chromedp.EmulateViewport(width, 900), chromedp.Navigate(w.page))
			eventually(t, tab, sessionRow("auser")+` !== undefined`)
			names := accessible(t, tab)
			for _, caption := range []string{"Sessions", "Recent transfers the last 50", "Totals since the start",
				"Refused since the start"} {
				assert.Contains(t, names["table"], caption)
			}
			assert.Subset(t, names["columnheader"], []string{"Client", "Address", "Age", "Command", "File", "Rate", "Progress"})
			assert.True(t, slices.ContainsFunc(names["rowheader"],
				func(s string) bool { return len(s) > 5 && s[:5] == "auser" }))
			assert.Contains(t, names["image"], "Throughput over the last five minutes, now receiving 0 B/s and sending 0 B/s")
			assert.Len(t, names["status"], 1, "one polite announcement")
		})
	}
}

// accessible lists the accessible names by role.
func accessible(t *testing.T, tab context.Context) map[string][]string {
	t.Helper()
	tree, err := chromedp.Call(tab, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	require.NoError(t, err)
	names := make(map[string][]string)
	for _, n := range tree.Nodes {
		if n.Role == nil || n.Name == nil || n.Ignored {
			continue
		}
		role := unquoted(n.Role)
		names[role] = append(names[role], unquoted(n.Name))
	}
	return names
}

func TestTheSignedInMayEndASession(t *testing.T) {
	w, tab := newWatched(t), openTab(t)
	c := w.login("auser")
	run(t, tab, chromedp.Navigate(w.page))
	eventually(t, tab, sessionRow("auser")+` !== undefined`)
	require.Zero(t, value[int](t, tab, `document.querySelectorAll("#sessions button").length`),
		"strangers have no buttons")

	_, err := chromedp.RunResponse(tab, chromedp.SendKeys(chromedp.ID("token"), token+"\r"))
	require.NoError(t, err)
	eventually(t, tab, sessionRow("auser")+`?.querySelector("button") instanceof Element`)
	run(t, tab, chromedp.Evaluate[chromedp.Void](`window.confirm = () => true; `+sessionRow("auser")+`.querySelector("button").click()`))
	eventually(t, tab, sessionRow("auser")+` === undefined`)
	require.Error(t, c.NoOp())
}

// A login of the host program's stands in front of the page: nobody signs in to it.
func TestWhoeverTheHostProgramLetsActEndsASession(t *testing.T) {
	w, tab := newWatched(t), openTab(t)
	var acts atomic.Bool
	h, err := monitor.New(w.srv, monitor.Options{Authorize: func(*http.Request) (read, act bool) { return true, acts.Load() }})
	require.NoError(t, err)
	hs := httptest.NewServer(h)
	t.Cleanup(hs.Close)
	t.Cleanup(h.Close)
	c := w.login("auser")
	run(t, tab, recordTrouble, chromedp.Navigate(hs.URL+"/"))
	eventually(t, tab, sessionRow("auser")+` !== undefined`)
	require.Zero(t, value[int](t, tab, `document.querySelectorAll("#sessions button, form, #drain").length`))

	acts.Store(true)
	run(t, tab, chromedp.Navigate(hs.URL+"/"))
	eventually(t, tab, sessionRow("auser")+`?.querySelector("button") instanceof Element`)
	require.Zero(t, value[int](t, tab, `document.querySelectorAll("form").length`), "there is nothing to sign in to or out of")
	run(t, tab, chromedp.Evaluate[chromedp.Void](`window.confirm = () => true; `+sessionRow("auser")+`.querySelector("button").click()`))
	eventually(t, tab, sessionRow("auser")+` === undefined`)
	require.Error(t, c.NoOp())
	require.Empty(t, value[[]string](t, tab, `window.trouble`))
}

func TestTheDrainButtonAsksTheHostProgram(t *testing.T) {
	w, tab := newWatched(t), openTab(t)
	run(t, tab, chromedp.Navigate(w.page))
	_, err := chromedp.RunResponse(tab, chromedp.SendKeys(chromedp.ID("token"), token+"\r"))
	require.NoError(t, err)
	run(t, tab, chromedp.WaitVisible(chromedp.ID("drain")),
		chromedp.Evaluate[chromedp.Void](`window.confirm = () => true; document.querySelector("#drain").click()`))
	<-w.drained
}

// unquoted returns a string of the accessibility tree.
func unquoted(v *accessibility.Value) string {
	s, err := strconv.Unquote(string(v.Value))
	if err != nil {
		return string(v.Value)
	}
	return s
}
