package webhook

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// fenced returns the first code block of that language in README.md.
func fenced(t *testing.T, language string) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(b), "```"+language+"\n")
	require.True(t, ok)
	block, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	return block
}

func TestReadmeShowsTheRequest(t *testing.T) {
	dec := json.NewDecoder(strings.NewReader(fenced(t, "json")))
	dec.DisallowUnknownFields()
	var r Request
	require.NoError(t, dec.Decode(&r))
	shown := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(fenced(t, "json")), &shown))
	ours, err := json.Marshal(r)
	require.NoError(t, err)
	sent := map[string]any{}
	require.NoError(t, json.Unmarshal(ours, &sent))
	assert.Equal(t, sent, shown, "every field is shown")
}

func TestReadmeServiceInPython(t *testing.T) {
	python := needs.Program(t, "python3", "python3")
	script, _, _ := strings.Cut(fenced(t, "python"), "if __name__")
	cmd := exec.Command(python, "-c", script+`
server = HTTPServer(("127.0.0.1", 0), Login)
print(server.server_port, flush=True)
server.serve_forever()
`)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url := "http://127.0.0.1:" + strings.TrimSpace(port)

	d := &Driver{URL: url, Secret: []byte("shared with the FTP server"), Timeout: time.Minute}
	cred := paradise.Credentials{User: "anna", Password: "correct horse", HasPassword: true}
	u, err := d.Authenticate(t.Context(), session, cred)
	require.NoError(t, err)
	assert.Equal(t, "/anna", u.Home)

	cred.Password = "battery staple"
	_, err = d.Authenticate(t.Context(), session, cred)
	require.ErrorIs(t, err, paradise.ErrBadCredentials)

	stranger := &Driver{URL: url, Secret: []byte("guessed"), Timeout: time.Minute}
	_, err = stranger.Authenticate(t.Context(), session, cred)
	require.ErrorContains(t, err, "status 400")
}
