//go:build unix

package clients_test

import (
	"bufio"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startHelper runs a program of testdata until the test ends.
func startHelper(t testing.TB, env []string, name string, args ...string) *helper {
	cmd := command(context.Background(), t.TempDir(), name, args...)
	cmd.Env = append(cmd.Env, env...)
	h := &helper{cmd: cmd, answer: make(chan string), stderr: &syncBuffer{}}
	cmd.Stderr = h.stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	h.in = in
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(h.answer)
		scan := bufio.NewScanner(out)
		scan.Buffer(nil, 4<<20)
		for scan.Scan() {
			h.answer <- scan.Text()
		}
	}()
	t.Cleanup(func() {
		in.Close()
		for range h.answer {
		}
		<-read
		assert.NoError(t, cmd.Wait(), "helper: %s", h.stderr)
	})
	return h
}
