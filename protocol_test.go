package paradise

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docRow is a row of a table in docs/protocol.md.
type docRow struct{ verb, ref, replies, needs, perm string }

// protocolRows reads the tables of docs/protocol.md: lines that begin with a verb
// in backquotes.
func protocolRows(t *testing.T) map[string]docRow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("docs", "protocol.md"))
	require.NoError(t, err)
	rows := make(map[string]docRow)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		require.Len(t, cells, 8, line)
		for i, cell := range cells {
			cells[i] = strings.Trim(strings.ReplaceAll(cell, "\x00", "|"), " `\n")
		}
		require.NotContains(t, rows, cells[1], "two rows")
		rows[cells[1]] = docRow{cells[1], cells[2], cells[3], cells[4], cells[5]}
	}
	require.NotEmpty(t, rows)
	return rows
}

func protocolTable(t *testing.T) *commandTable {
	t.Helper()
	table, err := newCommandTable(nil, nil)
	require.NoError(t, err)
	return table
}

// docReplies lists the final and preliminary replies of a row; 421 and 451 may
// come to any command and stand once above the table.
func docReplies(cmd *command) string {
	var codes []string
	for code := 100; code < 700; code++ {
		if code != 421 && code != 451 && cmd.allows(code) {
			codes = append(codes, strconv.Itoa(code))
		}
	}
	return strings.Join(codes, " ")
}

func docNeeds(cmd *command) string {
	needs := []string{}
	for _, n := range []struct {
		bit  need
		text string
	}{{needLogin, "login"}, {needData, "data channel"}, {needRename, "RNFR"}} {
		if cmd.needs&n.bit != 0 {
			needs = append(needs, n.text)
		}
	}
	if len(needs) == 0 {
		return "-"
	}
	return strings.Join(needs, ", ")
}

var permWords = []string{"List", "Read", "Create", "Overwrite", "Append", "Delete", "Rename", "Mkdir", "Rmdir", "Chmod", "Times", "Site"}

func docPerm(all, some Perm) string {
	words := func(p Perm) (w []string) {
		for i, word := range permWords {
			if p&(1<<i) != 0 {
				w = append(w, word)
			}
		}
		return w
	}
	switch {
	case all != 0:
		return strings.Join(words(all), " and ")
	case some != 0:
		return strings.Join(words(some), " or ")
	}
	return "-"
}

// The document has each verb, and SITE command, once and no other.
func TestProtocolDocumentNamesEveryCommand(t *testing.T) {
	rows, table := protocolRows(t), protocolTable(t)
	var want, got []string
	for name := range table.rows {
		want = append(want, name)
	}
	for name := range table.site {
		want = append(want, "SITE "+name)
	}
	for name := range rows {
		got = append(got, name)
	}
	assert.ElementsMatch(t, want, got)
}

// What a row says is what the command table does.
func TestProtocolDocumentAgreesWithTheTable(t *testing.T) {
	table := protocolTable(t)
	if updating() {
		updateProtocol(t, table)
	}
	rows := protocolRows(t)
	for name, cmd := range table.rows {
		row := rows[name]
		assert.Equal(t, cmd.ref, row.ref, "%s: reference", name)
		assert.Equal(t, docReplies(cmd), row.replies, "%s: replies", name)
		assert.Equal(t, docNeeds(cmd), row.needs, "%s: needs", name)
		assert.Equal(t, docPerm(cmd.perm, cmd.anyPerm), row.perm, "%s: permission", name)
	}
	for name, cmd := range table.site {
		assert.Equal(t, docPerm(cmd.perm, 0), rows["SITE "+name].perm, "SITE %s: permission", name)
	}
}

// updating reports whether the test binary's -update is set.
func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// updateProtocol writes what the table says into the rows there are; notes stay.
func updateProtocol(t *testing.T, table *commandTable) {
	t.Helper()
	file := filepath.Join("docs", "protocol.md")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		cells := strings.SplitN(line, " | ", 6)
		if cmd := table.rows[strings.Trim(cells[0], "| `")]; cmd != nil && len(cells) == 6 {
			cells[1], cells[2], cells[3], cells[4] = cmd.ref, docReplies(cmd), docNeeds(cmd), docPerm(cmd.perm, cmd.anyPerm)
			line = strings.Join(cells, " | ")
		}
		out.WriteString(line)
	}
	require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
}

// Every command is sent in at least one transcript, so every row has a test.
func TestEveryCommandHasATranscript(t *testing.T) {
	sent := sentInTranscripts(t)
	table := protocolTable(t)
	for name := range table.rows {
		assert.Contains(t, sent, name)
	}
	for name := range table.site {
		assert.Contains(t, sent, "SITE "+name)
	}
}

var clientLine = regexp.MustCompile(`(?m)^C: +(\w+)(?: +(\w+))?`)

// sentInTranscripts is the set of verbs, and of SITE with its command.
func sentInTranscripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "transcripts", "*", "*.txt"))
	require.NoError(t, err)
	var sent []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range clientLine.FindAllStringSubmatch(string(text), -1) {
			verb := strings.ToUpper(m[1])
			sent = append(sent, verb)
			if verb == "SITE" {
				sent = append(sent, "SITE "+strings.ToUpper(m[2]))
			}
		}
	}
	slices.Sort(sent)
	return slices.Compact(sent)
}

// Every reply that a row allows is one of its RFC's or stands in the notes: codes
// are three digits of a known meaning (RFC 959, 4.2; RFC 2228; RFC 2428; RFC 7151).
func TestEveryRowAllowsOnlyKnownReplies(t *testing.T) {
	known := strings.Fields("150 200 202 211 212 213 214 215 220 221 226 227 228 229 230 232 234 250 251 257 331 332 350 " +
		"421 425 426 450 451 452 500 501 502 503 504 521 522 530 533 534 536 550 551 552 553")
	for name, cmd := range protocolTable(t).rows {
		for code := range strings.FieldsSeq(docReplies(cmd)) {
			assert.Contains(t, known, code, name)
		}
	}
}
