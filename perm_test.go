package paradise_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
)

var singlePerms = strings.Fields("list read create overwrite append delete rename mkdir rmdir chmod times site")

func TestParsePerm(t *testing.T) {
	for i, word := range singlePerms {
		p, err := paradise.ParsePerm(word)
		require.NoError(t, err)
		assert.Equal(t, paradise.Perm(1)<<i, p, word)
		assert.Equal(t, word, p.String())
	}
	for words, want := range map[string]paradise.Perm{
		"none": 0, "writes": paradise.PermWrites, "all-but-upload": paradise.PermAllButUpload,
		"read-only": paradise.PermWrites, "upload-only": paradise.PermAllButUpload,
		"list,read": paradise.PermList | paradise.PermRead, " list ,  read ": paradise.PermList | paradise.PermRead,
		"writes,site,list": paradise.PermWrites | paradise.PermSite | paradise.PermList, "list,list": paradise.PermList,
	} {
		p, err := paradise.ParsePerm(words)
		require.NoError(t, err, words)
		assert.Equal(t, want, p, words)
	}
	for _, words := range []string{"", " ", ",", "list,", ",list", "Read", "LIST", "list read", "all", "none,list", "fly", "0x0", "0x", "12", "-1", "0x1ffffffff"} {
		p, err := paradise.ParsePerm(words)
		require.Error(t, err, words)
		assert.Zero(t, p, words)
		for _, word := range append(singlePerms, "writes", "all-but-upload", "none") {
			assert.Contains(t, err.Error(), word)
		}
	}
	_, err := paradise.ParsePerm(strings.Repeat("x", 10_000))
	assert.Less(t, len(err.Error()), 300, "what comes from outside is cut")
}

func TestPermsPrintAsTheyAreRead(t *testing.T) {
	for want, p := range map[string]paradise.Perm{
		"none": 0, "writes": paradise.PermWrites, "writes,site": paradise.PermWrites | paradise.PermSite,
		"all-but-upload": paradise.PermAllButUpload, "list,read": paradise.PermRead | paradise.PermList,
		"writes,list,read,site,0xfffff000": ^paradise.Perm(0),
	} {
		assert.Equal(t, want, p.String())
	}
	for range 10_000 {
		p := paradise.Perm(rand.Uint32())
		if rand.IntN(2) == 0 {
			p &= 1<<len(singlePerms) - 1
		}
		back, err := paradise.ParsePerm(p.String())
		require.NoError(t, err)
		require.Equal(t, p, back, p.String())
	}
	type config struct {
		Deny  paradise.Perm
		Leave *paradise.Perm
	}
	b, err := json.Marshal(config{Deny: paradise.PermWrites})
	require.NoError(t, err)
	assert.Equal(t, `{"Deny":"writes","Leave":null}`, string(b))
	read := config{Deny: paradise.PermList}
	require.NoError(t, json.Unmarshal([]byte(`{"Leave":"list, read"}`), &read))
	assert.Equal(t, paradise.PermList|paradise.PermRead, *read.Leave)
	assert.Error(t, json.Unmarshal([]byte(`{"Deny":"everything"}`), &read))
	assert.Equal(t, paradise.PermList, read.Deny, "kept")
}
