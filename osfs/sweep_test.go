package osfs

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/internal/needs"
)

// holdEnv makes the test binary a process that holds temporaries in a folder.
const holdEnv = "OSFS_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdEnv); dir != "" {
		hold(dir)
		return
	}
	if dir := os.Getenv(storeEnv); dir != "" {
		storeOne(dir)
		return
	}
	os.Exit(m.Run())
}

// storeEnv makes it one that stores "sub/f" in a folder.
const storeEnv = "OSFS_TEST_STORE"

func storeOne(dir string) {
	d, err := Open(dir, Options{})
	if err != nil {
		panic(err)
	}
	u, err := d.Store(ctx, session, "/sub/f", paradise.StoreOptions{})
	if err != nil {
		panic(err)
	}
	if _, err := u.Write([]byte("new")); err != nil {
		panic(err)
	}
	if err := u.Commit(ctx); err != nil {
		panic(err)
	}
}

// hold opens uploads, says so, and keeps them until stdin ends.
func hold(dir string) {
	d, err := Open(dir, Options{})
	if err != nil {
		panic(err)
	}
	d.at.Load().named.Store(true)
	for _, name := range []string{"/held", "/sub/held"} {
		u, err := d.Store(ctx, session, name, paradise.StoreOptions{})
		if err != nil {
			panic(err)
		}
		if _, err := u.Write([]byte("half")); err != nil {
			panic(err)
		}
	}
	os.Stdout.WriteString("holding\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// holder starts a process that holds two temporaries.
func holder(t *testing.T, dir string) *exec.Cmd {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), holdEnv+"="+dir)
	cmd.Stderr = os.Stderr
	_, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "holding\n", line)
	return cmd
}

func kill(t *testing.T, cmd *exec.Cmd) {
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it reports the kill
}

func swept(t *testing.T, dir string) *Driver {
	d, err := Open(dir, Options{})
	require.NoError(t, err)
	<-d.Swept()
	return d
}

func TestSweepRemovesWhatADeadProcessLeftAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "sub/f", "kept")
	living, dead := holder(t, dir), holder(t, dir)
	require.Len(t, parts(t, dir), 4)
	kill(t, dead)
	require.Len(t, parts(t, dir), 4, "a kill leaves them")

	require.NoError(t, swept(t, dir).Close())
	assert.Len(t, parts(t, dir), 2, "those of the living process")
	assert.Len(t, leftovers(t, dir), 3, "and its register")

	kill(t, living)
	require.NoError(t, swept(t, dir).Close())
	assert.Empty(t, leftovers(t, dir))
	assert.Equal(t, "kept", get(t, dir, "sub/f"))
}

func TestSweepSparesAnotherDriverOfTheSameProcess(t *testing.T) {
	d, dir := open(t, Options{})
	d.at.Load().named.Store(true)
	u := begin(t, d, "/f", "x", paradise.StoreOptions{})
	require.NoError(t, swept(t, dir).Close())
	require.NoError(t, u.Commit(ctx))
	assert.Equal(t, "x", get(t, dir, "f"))
}

func TestUnnamedTemporariesLeaveNothingInAKill(t *testing.T) {
	d, dir := open(t, Options{})
	needs.That(t, !d.at.Load().named.Load(), "no unnamed files on this system")
	u := begin(t, d, "/f", "x", paradise.StoreOptions{})
	needs.That(t, !d.at.Load().named.Load(), "no unnamed files on this file system")
	assert.Empty(t, leftovers(t, dir))
	u.Abort(ctx, paradise.ErrAborted)
}

func TestFilesThatNoRegisterNamesStay(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, ".paradise-foreign-1.part", "x")
	put(t, dir, ".paradise-empty.lock", "")
	require.NoError(t, swept(t, dir).Close())
	assert.FileExists(t, filepath.Join(dir, ".paradise-foreign-1.part"))
	assert.NoFileExists(t, filepath.Join(dir, ".paradise-empty.lock"))
}

func TestSweepStaysInside(t *testing.T) {
	base := t.TempDir()
	put(t, base, "secret/.paradise-id-1.part", "x")
	put(t, base, "served/.paradise-id.lock", "../secret\x00link\x00torn")
	require.NoError(t, os.Symlink("../secret", filepath.Join(base, "served/link")))
	require.NoError(t, swept(t, filepath.Join(base, "served")).Close())
	assert.FileExists(t, filepath.Join(base, "secret/.paradise-id-1.part"))
}

func TestFolderWithLeftoversOfTheDeadCanBeRemoved(t *testing.T) {
	d, dir := open(t, Options{})
	<-d.Swept()
	put(t, dir, "sub/f", "x")
	cmd := holder(t, dir)
	require.NoError(t, d.Remove(ctx, session, "/sub/f"))
	require.ErrorIs(t, d.RemoveDir(ctx, session, "/sub"), paradise.ErrNotEmpty, "its writer lives")
	kill(t, cmd)
	require.NoError(t, d.RemoveDir(ctx, session, "/sub"))
	require.NoError(t, swept(t, dir).Close())
}

func TestRegisterIsSmallAgainAtRest(t *testing.T) {
	d, dir := open(t, Options{})
	d.at.Load().named.Store(true)
	long := strings.Repeat("n", 200)
	for i := range 400 {
		folder := "/" + long + string(rune('a'+i/26)) + string(rune('a'+i%26))
		require.NoError(t, d.Mkdir(ctx, session, folder))
		store(t, d, folder+"/f", "x", paradise.StoreOptions{})
	}
	locks := leftovers(t, dir)
	require.Len(t, locks, 1)
	fi, err := os.Stat(locks[0])
	require.NoError(t, err)
	assert.Less(t, fi.Size(), int64(70<<10))
}
