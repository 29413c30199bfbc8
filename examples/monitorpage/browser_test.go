// Package monitorpage_test tests the monitor's page with a real browser.
package monitorpage_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise/internal/needs"
)

// patience bounds each step of the browser.
const patience = 30 * time.Second

// openTab starts a browser with one tab. Without Chromium the test is skipped;
// see package needs.
func openTab(t *testing.T) context.Context {
	t.Helper()
	path, err := findChromium()
	needs.That(t, err == nil, "chromium is not installed: Debian's package chromium brings it")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.UserDataDir(profile(t)),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("no-proxy-server", true),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(tab))
	return tab
}

func findChromium() (string, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return exec.LookPath("google-chrome")
	}
	return path, nil
}

// profile returns a folder that may outlive the test by a moment. The browser's children may
// still write there after it has stopped, which t.TempDir would report as a failure.
func profile(t *testing.T) string {
	dir, err := os.MkdirTemp("", "paradise-browser")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// run runs steps in the tab.
func run(t *testing.T, tab context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, patience)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, steps...))
}

// eventually waits until a JavaScript expression is true.
func eventually(t *testing.T, tab context.Context, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond)))
	require.NoError(t, err, expression)
}

// value evaluates a JavaScript expression.
func value[T any](t *testing.T, tab context.Context, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(t, err, expression)
	return v
}

// scheme switches the page to light or dark.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	})
}
