package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAValueThatIsNoTOMLIsExplained(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`tls-policy = optional`, "line 1: tls-policy: write a text in quotes"},
		{`addr = 127.0.0.1:2121`, "line 1: addr: write a text in quotes"},
		{`root = /srv/ftp`, "line 1: root: write a text in quotes"},
		{"addr = \":21\"\n# of all\nidle-timeout = 5m # long",
			`line 3: idle-timeout: write a time in quotes, as in "90s" or "5m"`},
		{`max-sessions = 10k`, "line 1: max-sessions: write a whole number without a unit: 10k is 10000"},
		{`durable = yes`, "line 1: durable: write true or false without quotes"},
		{`trace-user = bob`, "line 1: trace-user: write a text in quotes"},
		{`addr =`, "line 1: addr: has no value: write a text in quotes"},
		{`durable = # later`, "line 1: durable: has no value: write true or false"},
		{`addr: ":21"`, "line 1: addr: has a colon: write key = value"},
		{`root = "D:\uploads"`, `line 1: root: has a \: write \\ for each, or the text in single quotes`},
		{`root = "files`, "line 1: root: a quote is missing"},
		{accountWith(`home = 'bob`), "line 4: accounts.alice.home: a quote is missing"},
		{accountWith(`upload-rate = 1MB`), "line 4: upload-rate: write a whole number without a unit: 1MB is 1000000"},
		{accountWith(`lost-control-wait = 0s`), "line 4: lost-control-wait: write a time in quotes"},
		{accountWith(`deny = [upload-only]`),
			`line 4: accounts.alice.deny: has a list without quotes: write texts in quotes, as in ["one", "two"]`},
		{accountWith(`deny = upload-only`), `line 4: accounts.alice.deny: write texts in quotes, as in ["one", "two"]`},
		{"[accounts.alice]\npassword = hunter2", "line 2: accounts.alice.password: write a text in quotes"},
		{"[accounts.alice]\r\npassword = $2y$05$x\r\n", "line 2: accounts.alice.password: write a text in quotes"},
	} {
		t.Run(c.text, func(t *testing.T) {
			_, err := inFile(t, c.text+"\n")
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "hunter2", "it may be a password")
			assert.NotContains(t, err.Error(), "\n", "one line")
		})
	}
}
