package main

import (
	"flag"
	"fmt"
	"slices"

	"github.com/BurntSushi/toml"
)

// accountWords are what operators call the table of accounts, and nameWords its key for
// the name: other servers have such.
var (
	accountWords = []string{"user", "users", "account", "accounts", "login", "logins"}
	nameWords    = []string{"name", "user", "username", "login", "account"}
)

// misplaced says what to write instead of a table at the top of the file, which has none
// but that of accounts: "" if key leads to no table.
func misplaced(fs *flag.FlagSet, md toml.MetaData, key toml.Key) string {
	kind, top := md.Type(key[0]), key[0]
	if len(key) == 1 && kind != "Hash" && kind != "ArrayHash" {
		return ""
	}
	var inside []string
	for _, k := range md.Keys() {
		if k[0] == top && len(k) > 1 {
			inside = append(inside, k[1])
		}
	}
	isSetting := fs.Lookup(top) != nil && !slices.Contains(notInFile, top)
	switch account := accountIn(top, inside); {
	case account != "" && isSetting:
		return fmt.Sprintf("is a table: write %s for an account, and its password below, or %s = [\"NAME:PASSWORD\"] above all [tables]", account, top)
	case account != "" && didYouMean(top, "", []string{"accounts"}) != "":
		return fmt.Sprintf("unknown key; did you mean accounts? As in %s, with its password below", account)
	case account != "":
		return fmt.Sprintf("unknown key: write %s for an account, and its password below", account)
	case isSetting:
		return fmt.Sprintf("is a table, want a value: write %s = ... above all [tables]", top)
	}
	for _, name := range inside {
		for _, setting := range []string{top + "-" + name, name} {
			if fs.Lookup(setting) != nil && !slices.Contains(notInFile, setting) {
				return fmt.Sprintf("unknown key: write %s = ... above all [tables]", setting)
			}
		}
	}
	return ""
}

// accountIn is the head of the account that a table was meant for, "" if it was not.
func accountIn(top string, inside []string) string {
	if !slices.Contains(accountWords, top) {
		if slices.Contains(inside, "password") {
			return "[" + toml.Key{"accounts", top}.String() + "]"
		}
		return ""
	}
	for _, name := range inside {
		if !isAccountKey(name) {
			return "[" + toml.Key{"accounts", name}.String() + "]"
		}
	}
	return "[accounts.NAME]"
}

// isAccountKey reports whether a word is a key of accounts, or what others have for one.
func isAccountKey(word string) bool {
	return accountKeys[word] != nil || slices.Contains(nameWords, word)
}
