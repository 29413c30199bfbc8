package paradisetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// transcript writes a transcript to a new file.
func transcript(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "it.txt")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

const goodTranscript = `# A session of every kind of line.
@file /a.txt "hello"
@dir /d
@login
C: PASV
S: 227 Entering Passive Mode ({addr})
C: RETR a.txt
S: 150 Opening BINARY mode data connection.
D< "hello"
S: 226 Closing data connection, sent {bytes} bytes
C: PORT {active}
S: 200 PORT command successful
C: STOU
S: 150 FILE: {name}
D> "mine"
D.
S: 226 OK, received 4 bytes
C: RNFR {name}
S: 350 File exists, send RNTO with the new name
C! "RNTO b.txt\r\n"
S: 250 File renamed
F: /b.txt "mine"
F: /c.txt -
C: QUIT
S: 221 Goodbye
S.
`

func TestPlayTakesATranscriptThatIsSo(t *testing.T) {
	Play(t, nil, transcript(t, goodTranscript))
}

func TestPlayFailsWhereTheServerSaysAnotherThing(t *testing.T) {
	for _, test := range []struct{ name, text, failure string }{
		{"code", "S: 220 Welcome to Paradise\nC: NOOP\nS: 250 OK\n", "it.txt:3"},
		{"text", "S: 220 Welcome to Paradise\nC: NOOP\nS: 200 Okay\n", "it.txt:3"},
		{"greeting", "S: 220 Hello\n", "it.txt:1"},
		{"several lines for one", "@login\nC: NOOP\nS: 200-OK\nS: 200 OK\n", "it.txt:3"},
		{"one line for several", "@login\nC: MLST /\nS: 250 End\n", "it.txt:3"},
		{"unknown reply", "@login\nC: NOOP\nS: ?\n", "it.txt:3"},
		{"a reply too many", "@login\nC: NOOP\n", "the server sent more than the transcript has"},
		{"data", "@login\n@file /a \"x\"\nC: EPSV\nS: 229 {text}\nC: RETR a\nS: 150 {text}\nD< \"y\"\n", "it.txt:7"},
		{"data line", "@login\n@file /a \"x\"\nC: EPSV\nS: 229 {text}\nC: NLST\nS: 150 {text}\nD< b\n", "it.txt:7"},
		{"no data channel", "@login\nD> x\n", "no data connection"},
		{"content", "@login\n@file /a \"x\"\nF: /a \"y\"\n", "it.txt:3"},
		{"file that is missing", "@login\nF: /a \"y\"\n", "it.txt:2"},
		{"file that is there", "@login\n@file /a \"x\"\nF: /a -\n", "it.txt:3"},
		{"placeholder", "@login\nC: PWD\nS: 257 {n}\n", "it.txt:3"},
		{"said before the end", "@login\nC: QUIT\nS.\n", "Goodbye"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := transcript(t, test.text)
			failures := trial(t, func(tb testing.TB) { Play(tb, nil, file) })
			require.NotEmpty(t, failures)
			assert.Contains(t, failures[0], test.failure)
		})
	}
}

func TestPlayRefusesTranscriptsThatSayNothingOrNonsense(t *testing.T) {
	for _, test := range []struct{ name, text, failure string }{
		{"empty", "# nothing\n", "no step"},
		{"unknown step", "X: 220\n", "no such step"},
		{"setup too late", "S: 220 x\n@login\n", "setup comes before"},
		{"unknown setup", "@nope\nS: 220 x\n", "no such setup"},
		{"unknown policy", "@policy nope=1\nS: 220 x\n", "no such policy"},
		{"unknown rule", "@policy tls=nope\nS: 220 x\n", "no such value"},
		{"unknown permission", "@policy deny=nope\nS: 220 x\n", "is no permission"},
		{"unknown habit", "@policy device=nope\nS: 220 x\n", "no such device habit"},
		{"unknown server", "@server nope\nS: 220 x\n", "no such server"},
		{"unknown feature", "@without nope\nS: 220 x\n", "no such feature"},
		{"unknown error", "@fail Store nope\nS: 220 x\n", "no such error"},
		{"half a reply", "S: 220-x\n", "not a whole reply"},
		{"no reply", "S: hello\n", "not a whole reply"},
		{"unquoted bytes", "S: 220 {text}\nC! NOOP\n", "not a quoted string"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := transcript(t, test.text)
			failures := trial(t, func(tb testing.TB) { Play(tb, nil, file) })
			require.NotEmpty(t, failures)
			assert.Contains(t, failures[0], test.failure)
		})
	}
}

func TestUpdateRewritesOnlyWhatDiffers(t *testing.T) {
	before := `# kept
@file /a.txt "hello"
@login
C: EPSV
S: ?
C: NLST
S: 150 {text}
D< wrong
D< lines
S: ?

# kept too
C: MLST a.txt
S: 250 End
C: NOOP
S: 200 OK
`
	after := `# kept
@file /a.txt "hello"
@login
C: EPSV
S: 229 Entering Extended Passive Mode (|||{port}|)
C: NLST
S: 150 {text}
D< a.txt
S: 226 Closing data connection, sent 7 bytes

# kept too
C: MLST a.txt
S: 250-Listing "/a.txt"
S:  type=file;size=5;modify=20200229123456;perm=adfrw;unique=2;UNIX.mode=0644; /a.txt
S: 250 End
C: NOOP
S: 200 OK
`
	file := transcript(t, before)
	play(t, nil, file, true)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, after, string(text))
	Play(t, nil, file)
}

func TestUpdateLeavesARightTranscriptAlone(t *testing.T) {
	file := transcript(t, goodTranscript)
	play(t, nil, file, true)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, goodTranscript, string(text))
}

func TestCountReplies(t *testing.T) {
	for _, test := range []struct {
		lines []string
		want  int
	}{
		{[]string{"200 OK"}, 1},
		{[]string{"211-Features:", " SIZE", "211 End"}, 1},
		{[]string{"220-a", "220-220 b", "220 c", "200 OK"}, 2},
		{[]string{"213-x", "211 no end", "213 End"}, 1},
		{[]string{"?", "?"}, 2},
		{[]string{"211-Features:"}, 0},
		{[]string{" 200 OK"}, 0},
	} {
		assert.Equal(t, test.want, countReplies(test.lines), "%q", test.lines)
	}
}

func TestVisible(t *testing.T) {
	assert.Equal(t, `naïve \xff\x00\x7f`, visible("naïve \xff\x00\x7f"))
}
