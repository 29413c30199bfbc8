package monitor

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

// sampleText is the oldest sample of the text form, byte for byte. It counts six
// passive channels and shows four.
const sampleText = "2 client(s), 6 passive(s), Up for 00:00:29\n" +
	"   41949e 00:00:20, user1\n" +
	"     0fbeb0 00:00:08, 59119 LIST \n" +
	"     7dcdf7 00:00:04, 59441 EPSV \n" +
	"   2d3beb 00:00:13, user2\n" +
	"     dc6776 00:00:13, 58859 LIST \n" +
	"     2772a8 00:00:10, 58989 STOR hello.txt\n"

// sampleStats returns the state behind the sample, including its two missing passive
// channels.
func sampleStats() paradise.Stats {
	now := time.Date(2026, 11, 25, 12, 0, 29, 0, time.UTC)
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	return paradise.Stats{Now: now, Started: ago(29), Sessions: []paradise.SessionStats{
		{ID: 1, Short: "41949e", User: "user1", Opened: ago(20), Passive: []paradise.PassiveStats{
			{ID: "93b1d2", Port: 59002, Verb: "STOR", Arg: "paradise.txt", Opened: ago(19)},
			{ID: "0fbeb0", Port: 59119, Verb: "LIST", Opened: ago(8)},
			{ID: "7dcdf7", Port: 59441, Verb: "EPSV", Opened: ago(4), Open: true},
		}},
		{ID: 2, Short: "2d3beb", User: "user2", Opened: ago(13), Passive: []paradise.PassiveStats{
			{ID: "dc6776", Port: 58859, Verb: "LIST", Opened: ago(13)},
			{ID: "f04a1c", Port: 58902, Verb: "STOR", Arg: "file_driver.go", Opened: ago(12)},
			{ID: "2772a8", Port: 58989, Verb: "STOR", Arg: "hello.txt", Opened: ago(10), Open: true},
		}},
	}}
}

func TestTheTextIsTheSampleWithItsTwoMissingLines(t *testing.T) {
	want, err := os.ReadFile("testdata/sample.txt")
	require.NoError(t, err)
	var got strings.Builder
	require.NoError(t, sampleStats().WriteText(&got))
	assert.Equal(t, string(want), got.String())
}

func TestTheGoldenTextIsTheSampleButForTwoLines(t *testing.T) {
	golden, err := os.ReadFile("testdata/sample.txt")
	require.NoError(t, err)
	var kept strings.Builder
	for line := range strings.Lines(string(golden)) {
		if !strings.Contains(line, "93b1d2") && !strings.Contains(line, "f04a1c") {
			kept.WriteString(line)
		}
	}
	assert.Equal(t, sampleText, kept.String())
}
