package main

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

func TestOnlyAProcessThatHasGoneIsForgotten(t *testing.T) {
	dir := t.TempDir()
	busy := generation{PID: 41, Socket: filepath.Join(dir, "busy")}
	gone := generation{PID: 42, Socket: filepath.Join(dir, "gone")}
	l, err := net.Listen("unix", busy.Socket) // it accepts and does not answer
	require.NoError(t, err)
	defer l.Close()

	alive := &generations{}
	alive.tell(&paradise.Server{})
	t.Cleanup(alive.close)
	var told []generation
	require.NoError(t, json.Unmarshal(alive.state(), &told))
	require.Len(t, told, 1)
	young := told[0]

	g := &generations{older: []generation{busy, gone, young}}
	shown := g.ask()
	require.Len(t, shown, 1)
	assert.Equal(t, young.PID, shown[0].PID)
	assert.Equal(t, []generation{busy, young}, g.older, "the busy one may answer the next time")
	var handedOn []generation
	require.NoError(t, json.Unmarshal(g.state(), &handedOn))
	assert.Equal(t, []generation{busy, young}, handedOn)
}

func TestTheLogOfARestartNamesBothProcesses(t *testing.T) {
	p := launch(t)
	old := p.pid()
	p.restart()
	p.logged(fmt.Sprintf("taken over\" old_pid=%d new_pid=%d ", old, p.pid()), 1)
	p.logged(fmt.Sprintf("pid=%d generation=1 old_pid=%d\n", p.pid(), old), 1)
}
