package monitor

import (
	"bytes"
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// scrape returns the metrics of a server that has had some traffic.
func scrape(t *testing.T) (string, map[string]*family) {
	t.Helper()
	w := watch(t, Options{})
	c := w.login("auser")
	c.store("secret-name.txt", "hello, paradise")
	c.say("XYZZY", "500")
	bad := w.dial()
	bad.say("USER auser", "331")
	bad.say("PASS wrong", "530")
	resp, text := w.get("/metrics")
	assert.Equal(t, "text/plain; version=0.0.4; charset=utf-8", resp.Header.Get("Content-Type"))
	families, err := parseMetrics(text)
	require.NoError(t, err, text)
	return text, families
}

// of returns the value of the sample with exactly these labels.
func (f *family) of(labels string) float64 {
	for _, s := range f.samples {
		if s.order == labels {
			return s.value
		}
	}
	return math.NaN()
}

func TestMetricsTellWhatHappened(t *testing.T) {
	_, m := scrape(t)
	for _, c := range []struct {
		family, labels string
		want           float64
	}{
		{"paradise_sessions", "", 2},
		{"paradise_sessions_total", "", 2},
		{"paradise_commands_total", `command="STOR"`, 1},
		{"paradise_commands_total", `command="USER"`, 2},
		{"paradise_commands_total", `command="OTHER"`, 1},
		{"paradise_logins_total", `result="ok"`, 1},
		{"paradise_logins_total", `result="failed"`, 1},
		{"paradise_transfers_total", `direction="upload",result="ok"`, 1},
		{"paradise_transfers_total", `direction="upload",result="failed"`, 0},
		{"paradise_transfers_total", `direction="listing",result="ok"`, 0},
		{"paradise_transfer_bytes_total", `direction="upload"`, 15},
		{"paradise_transfers_in_progress", `direction="download"`, 0},
		{"paradise_transfer_duration_seconds", `direction="upload",le="+Inf"`, 1},
		{"paradise_transfer_duration_seconds", `direction="download",le="+Inf"`, 0},
		{"paradise_passive_ports", `state="listening"`, 0},
		{"paradise_tls_handshakes_total", `channel="control",result="ok"`, 0},
		{"paradise_tls_handshakes_total", `channel="data",result="failed"`, 0},
		{"paradise_uploads_rejected_total", `reason="content"`, 0},
		{"paradise_refused_total", `reason="banned"`, 0},
		{"paradise_draining", "", 0},
	} {
		t.Run(c.family+" "+c.labels, func(t *testing.T) {
			require.Contains(t, m, c.family)
			assert.Equal(t, c.want, m[c.family].of(c.labels))
		})
	}
	require.Contains(t, m, "go_goroutines")
	assert.Greater(t, m["go_goroutines"].of(""), 2.0)
	require.Len(t, m["paradise_build_info"].samples, 1)
	assert.EqualValues(t, 1, m["paradise_build_info"].samples[0].value)
}

func TestLabelsTellNothingOfAnybody(t *testing.T) {
	text, m := scrape(t)
	for _, private := range []string{"auser", "secret-name", "127.0.0.1", "XYZZY"} {
		assert.NotContains(t, text, private)
	}
	allowed := []string{"command", "direction", "result", "state", "channel", "reason", "le", "version", "goversion"}
	for _, f := range m {
		for _, s := range f.samples {
			for name := range s.labels {
				assert.Contains(t, allowed, name)
			}
		}
	}
}

func TestHistogramsAreCumulative(t *testing.T) {
	var w metricWriter
	w.begin("paradise_transfer_duration_seconds", "histogram", "How long.")
	var st paradise.TransferStats
	for i, bound := range []time.Duration{10 * time.Millisecond, 50 * time.Millisecond, 0} {
		st.Durations = append(st.Durations, paradise.DurationCount{UpTo: bound, Count: int64(i + 1)})
	}
	w.histogram("upload", st)
	families, err := parseMetrics(w.String())
	require.NoError(t, err)
	f := families["paradise_transfer_duration_seconds"]
	assert.EqualValues(t, 1, f.of(`direction="upload",le="0.01"`))
	assert.EqualValues(t, 3, f.of(`direction="upload",le="0.05"`))
	assert.EqualValues(t, 6, f.of(`direction="upload",le="+Inf"`))
}

func TestFreePortsAreToldOfARange(t *testing.T) {
	for _, c := range []struct {
		options paradise.PassiveOptions
		want    int64
	}{
		{paradise.PassiveOptions{}, -1},
		{paradise.PassiveOptions{MinPort: 50000, MaxPort: 50009}, 7},
		{paradise.PassiveOptions{MinPort: 50000, MaxPort: 50000}, 0},
	} {
		h := &Handler{srv: &paradise.Server{Passive: c.options}}
		assert.Equal(t, c.want, h.freePorts(&paradise.Stats{PassiveListeners: 3}))
	}
}

func TestTheHostProgramHasFiguresOfItsOwn(t *testing.T) {
	w := watch(t, Options{Metrics: func() []Metric {
		return []Metric{
			{Name: "shop_orders_total", Help: "Orders by\nresult.", Label: "result", Value: "paid", N: 3},
			{Name: "shop_orders_total", Label: "result", Value: `"lost"`, N: 1},
			{Name: "shop_baskets", Help: "Baskets.", Gauge: true, N: 7},
		}
	}})
	_, text := w.get("/metrics")
	families, err := parseMetrics(text)
	require.NoError(t, err)
	orders := families["shop_orders_total"]
	require.NotNil(t, orders)
	assert.Equal(t, "counter", orders.kind)
	assert.Equal(t, `Orders by\nresult.`, orders.help)
	assert.EqualValues(t, 3, orders.of(`result="paid"`))
	assert.EqualValues(t, 1, orders.of(`result="\"lost\""`))
	assert.Equal(t, "gauge", families["shop_baskets"].kind)
	assert.EqualValues(t, 7, families["shop_baskets"].of(""))
}

func TestLabelValuesAreEscaped(t *testing.T) {
	var w metricWriter
	w.begin("paradise_x_total", "counter", "X.")
	w.add(1, "reason", "a\\b\"c\nd")
	families, err := parseMetrics(w.String())
	require.NoError(t, err)
	assert.Equal(t, "a\\b\"c\nd", families["paradise_x_total"].samples[0].labels["reason"])
}

func TestTheParserIsStrict(t *testing.T) {
	const head = "# HELP a_total X.\n# TYPE a_total counter\n"
	for name, text := range map[string]string{
		"no end":          head + "a_total 1",
		"no TYPE":         "# HELP a_total X.\na_total 1\n",
		"no HELP":         "a_total 1\n",
		"empty line":      head + "\na_total 1\n",
		"family twice":    head + head,
		"sample twice":    head + "a_total 1\na_total 2\n",
		"other family":    head + "b_total 1\n",
		"negative count":  head + "a_total -1\n",
		"bad label":       head + "a_total{b=c} 1\n",
		"open quote":      head + "a_total{b=\"c} 1\n",
		"comma at end":    head + "a_total{b=\"c\",} 1\n",
		"two spaces":      head + "a_total  1\n",
		"no number":       head + "a_total one\n",
		"counter by name": "# HELP a X.\n# TYPE a counter\na 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseMetrics(text)
			assert.Error(t, err)
		})
	}
}

func TestPromtoolAcceptsTheMetrics(t *testing.T) {
	promtool := needs.Program(t, "promtool", "prometheus")
	text, _ := scrape(t)
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	assert.NoError(t, cmd.Run(), out.String())
	assert.Empty(t, out.String())
}
