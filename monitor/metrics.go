package monitor

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/paradiseftp/paradise"
)

// metrics writes Prometheus' text format. Label values come from fixed sets only:
// never a user, a path or an address. Metrics named paradise_ cover all processes of
// the server, except for the start time; go_ and process_ cover this process.
func (h *Handler) metrics(w http.ResponseWriter, _ *http.Request) {
	var m metricWriter
	known := h.hub.everybody()
	st := &known.all
	m.sessions(st, known.clients)
	m.transfers(st)
	m.doors(st, h.freePorts(st))
	m.process(st)
	if h.figures != nil {
		m.extra(h.figures())
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(m.Bytes())
}

// freePorts returns the number of free ports in the passive range, or -1 if no range is
// set.
func (h *Handler) freePorts(st *paradise.Stats) int64 {
	p := h.srv.Passive
	if p.MinPort == 0 {
		return -1
	}
	return max(0, int64(p.MaxPort)-int64(p.MinPort)+1-st.PassiveListeners)
}

// metricWriter writes metric families one after the other.
type metricWriter struct {
	bytes.Buffer
	family string
}

// begin starts a family.
func (m *metricWriter) begin(name, kind, help string) {
	m.family = name
	fmt.Fprintf(m, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// add writes a sample of the current family; labels alternates names and values.
func (m *metricWriter) add(value int64, labels ...string) {
	m.sample("", strconv.FormatInt(value, 10), labels...)
}

func (m *metricWriter) sample(suffix, value string, labels ...string) {
	m.WriteString(m.family + suffix)
	for i := 0; i < len(labels); i += 2 {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		m.WriteByte(sep)
		fmt.Fprintf(m, `%s="%s"`, labels[i], escapeLabel(labels[i+1]))
	}
	if len(labels) > 0 {
		m.WriteByte('}')
	}
	m.WriteString(" " + value + "\n")
}

func escapeLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

func (m *metricWriter) sessions(st *paradise.Stats, open int) {
	m.begin("paradise_sessions", "gauge", "Sessions that are open now.")
	m.add(int64(open))
	m.begin("paradise_sessions_total", "counter",
		"Sessions opened since the start, over all restarts that kept connections.")
	m.add(st.SessionsTotal)
	m.begin("paradise_logins_total", "counter", "Logins tried, by result.")
	m.add(st.Logins.Done, "result", "ok")
	m.add(st.Logins.Failed, "result", "failed")
	m.begin("paradise_commands_total", "counter", "Commands received, by verb; unknown ones are OTHER.")
	for _, verb := range slices.Sorted(maps.Keys(st.Commands)) {
		m.add(st.Commands[verb], "command", verb)
	}
}

func (m *metricWriter) transfers(st *paradise.Stats) {
	all := []struct {
		direction string
		paradise.TransferStats
	}{{"upload", st.Uploads}, {"download", st.Downloads}, {"listing", st.Listings}}
	m.begin("paradise_transfers_in_progress", "gauge", "Transfers that are running now.")
	for _, t := range all {
		m.add(t.Running, "direction", t.direction)
	}
	m.begin("paradise_transfers_total", "counter", "Transfers that have ended, by result.")
	for _, t := range all {
		m.add(t.Done, "direction", t.direction, "result", "ok")
		m.add(t.Failed, "direction", t.direction, "result", "failed")
	}
	m.begin("paradise_transfer_bytes_total", "counter", "Bytes moved over data connections.")
	for _, t := range all {
		m.add(t.Bytes, "direction", t.direction)
	}
	m.begin("paradise_transfer_duration_seconds", "histogram", "How long transfers that have ended took.")
	for _, t := range all {
		m.histogram(t.direction, t.TransferStats)
	}
}

func (m *metricWriter) histogram(direction string, t paradise.TransferStats) {
	var count int64
	for _, d := range t.Durations {
		count += d.Count
		bound := "+Inf"
		if d.UpTo > 0 {
			bound = number(d.UpTo.Seconds())
		}
		m.sample("_bucket", strconv.FormatInt(count, 10), "direction", direction, "le", bound)
	}
	m.sample("_sum", number(t.Duration.Seconds()), "direction", direction)
	m.sample("_count", strconv.FormatInt(count, 10), "direction", direction)
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// content is the one reason of a refusal that is about the content of an upload. All
// others are about the client or its request.
const content = "content"

func (m *metricWriter) doors(st *paradise.Stats, free int64) {
	m.begin("paradise_passive_ports", "gauge", "Ports for data connections, by state; free ones only where a range is set.")
	m.add(st.PassiveListeners, "state", "listening")
	if free >= 0 {
		m.add(free, "state", "free")
	}
	m.begin("paradise_tls_handshakes_total", "counter", "TLS handshakes, by channel and result.")
	m.add(st.Handshakes.Done, "channel", "control", "result", "ok")
	m.add(st.Handshakes.Failed, "channel", "control", "result", "failed")
	m.add(st.DataTLS.Done, "channel", "data", "result", "ok")
	m.add(st.DataTLS.Failed, "channel", "data", "result", "failed")
	m.begin("paradise_uploads_rejected_total", "counter", "Uploads refused for what they hold, by reason.")
	m.add(st.Refused[content], "reason", content)
	m.begin("paradise_refused_total", "counter", "Clients and requests turned away, by reason.")
	for _, why := range slices.Sorted(maps.Keys(st.Refused)) {
		if why != content {
			m.add(st.Refused[why], "reason", why)
		}
	}
}

func (m *metricWriter) process(st *paradise.Stats) {
	m.begin("paradise_panics_total", "counter", "Panics of drivers and hooks that were caught.")
	m.add(st.Panics)
	m.begin("paradise_unexpected_replies_total", "counter", "Replies outside the command table: bugs in paradise.")
	m.add(st.Unexpected)
	m.begin("paradise_stuck_calls", "gauge", "Driver calls that have not returned in time.")
	m.add(st.Stuck)
	m.begin("paradise_draining", "gauge", "1 while the server drains, else 0.")
	draining := int64(0)
	if st.Draining {
		draining = 1
	}
	m.add(draining)
	m.begin("paradise_start_time_seconds", "gauge", "When the newest process started, in seconds since 1970.")
	m.sample("", number(float64(st.Started.UnixMilli())/1000))
	m.begin("go_goroutines", "gauge", "Goroutines of this process.")
	m.add(int64(runtime.NumGoroutine()))
	if n, ok := openDescriptors(); ok {
		m.begin("process_open_fds", "gauge", "File descriptors that this process has open.")
		m.add(n)
	}
	m.begin("paradise_build_info", "gauge", "Always 1; the labels say which versions are running.")
	m.add(1, "version", version(), "goversion", runtime.Version())
}

// version returns the version of the module paradise in this program.
func version() string {
	const module = "github.com/paradiseftp/paradise"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == module && dep.Version != "" {
			return dep.Version
		}
	}
	if info.Main.Path == module && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
