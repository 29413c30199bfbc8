package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/monitor"
)

func TestTheMonitorIsNotOpenToOthersWithoutAToken(t *testing.T) {
	for _, c := range []struct {
		name, addr, token, want string
	}{
		{"every address", "0.0.0.0:0", "", "set a token"},
		{"every address, no host", ":0", "", "set a token"},
		{"a token that can be guessed", "127.0.0.1:0", "secret", "too short"},
		{"no port", "127.0.0.1", "", "missing port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := &config{monitor: c.addr, monitorToken: c.token}
			_, err := cfg.newMonitor(&paradise.Server{}, monitor.Options{})
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestAnEmptyMonitorAddressTurnsItOff(t *testing.T) {
	page, err := (&config{}).newMonitor(&paradise.Server{}, monitor.Options{})
	assert.NoError(t, err)
	assert.Nil(t, page)
}
