package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Accounts and settings that stand where other servers have them are told their place.
func TestATableThatIsNoneOfTheFileIsToldItsPlace(t *testing.T) {
	const password = "password = \"" + bcryptOfSecret + "\"\n"
	const account = "[accounts.alice]\n" + password
	for _, c := range []struct{ text, want string }{
		{"[[users]]\nname = \"bob\"\n" + password, "line 1: users: unknown key: write [accounts.NAME] for an account, and its password below"},
		{"[[user]]\nname = \"bob\"\n" + password, "line 1: user: is a table: write [accounts.NAME] for an account, and its password below, or user = [\"NAME:PASSWORD\"] above all [tables]"},
		{"[users]\nbob = \"hunter2\"\n", "line 1: users: unknown key: write [accounts.bob]"},
		{"\n[users.bob]\n" + password, "line 2: users.bob: unknown key: write [accounts.bob]"},
		{"\n[user.bob]\n" + password, "line 2: user.bob: is a table: write [accounts.bob]"},
		{"[user.\"a@b.c\"]\n" + password, "write [accounts.\"a@b.c\"]"},
		{"user = { bob = \"hunter2\" }\n", "line 1: user: is a table: write [accounts.bob]"},
		{"users.bob = \"hunter2\"\n", "line 1: users.bob: unknown key: write [accounts.bob]"},
		{"[account.bob]\n" + password, "line 1: account.bob: unknown key; did you mean accounts? As in [accounts.bob], with its password below"},
		{"[[account]]\nusername = \"bob\"\n" + password, "line 1: account: unknown key; did you mean accounts? As in [accounts.NAME]"},
		{"[acounts.bob]\n" + password, "line 1: acounts.bob: unknown key; did you mean accounts?"},
		{"[logins.bob]\n" + password, "write [accounts.bob]"},
		{"[bob]\nhome = \"x\"\n" + password, "line 1: bob: unknown key: write [accounts.bob]"},
		{"[[accounts]]\nname = \"bob\"\n" + password, "line 1: accounts: is no table: write [accounts.NAME] and its keys below"},
		{"[[accounts.bob]]\n" + password, "line 1: accounts.bob: is no table: write [accounts.bob] and its keys below"},
		{"[accounts]\nname = \"bob\"\n" + password, "line 2: accounts.name: stands outside of an account: write it below [accounts.NAME]"},
		{"[accounts]\n" + password, "line 2: accounts.password: stands outside of an account: write it below [accounts.NAME]"},
		{account + "name = \"bob\"\n", "line 3: accounts.alice.name: unknown key: the account's name belongs to the head, as in [accounts.NAME]"},
		{account + "user = \"bob\"\n", "line 3: accounts.alice.user: unknown key: the account's name belongs to the head"},
		{"[server]\naddr = \":21\"\n", "line 1: server: unknown key: write addr = ... above all [tables]"},
		{"[tls]\ncert = \"x\"\n", "line 1: tls: unknown key: write tls-cert = ... above all [tables]"},
		{"[passive]\nports = \"1-2\"\n", "line 1: passive: unknown key: write passive-ports = ... above all [tables]"},
		{"[monitor]\ntoken = \"x\"\n", "line 1: monitor: is a table, want a value: write monitor = ... above all [tables]"},
		{"[[passive-ports]]\nmin = 1\n", "line 1: passive-ports: is a table, want a value"},
		{"\nroot.path = \"x\"\n", "line 2: root.path: is a table, want a value: write root = ... above all [tables]"},
		{"users = [\"bob:hunter2\"]\n", "line 1: users: unknown key; did you mean user?"},
		{"[something]\nelse = 1\n", "line 1: something: unknown key"},
	} {
		t.Run(c.want, func(t *testing.T) {
			_, err := inFile(t, c.text)
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n", "one line")
			assert.NotContains(t, err.Error(), "hunter2", "may be a password")
		})
	}
}
