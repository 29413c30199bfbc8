package paradise_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/paradiseftp/paradise"
	"github.com/paradiseftp/paradise/memfs"
	"github.com/paradiseftp/paradise/paradisetest"
)

// envFIPS is set in the process that has the test's name and enforces FIPS 140.
const envFIPS = "PARADISE_TEST_FIPS"

// enforced runs the test in a process of its own, since a process enforces FIPS
// 140 from its start or never. It returns true there.
func enforced(t *testing.T) bool {
	t.Helper()
	if os.Getenv(envFIPS) != "" {
		require.True(t, fips140.Enforced())
		return true
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), envFIPS+"=1", "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return false
}

// serveTLS serves a file over TLS.
func serveTLS(t *testing.T, policy paradise.Policy) *paradisetest.Server {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	files := memfs.New()
	files.Put("/f", []byte("content"))
	return paradisetest.NewServer(t, &paradise.Server{Files: files, Policy: policy, Limits: paradise.Limits{BadCommands: -1},
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}})
}

// The server fails this test by itself where a command panics.
func TestWhatIsAdvertisedWorksWhereFIPSIsEnforced(t *testing.T) {
	if !enforced(t) {
		return
	}
	c := serveTLS(t, paradise.Policy{DataTLSReuse: paradise.ReuseRequire, Digests: paradise.DigestSHA256}).Dial()
	c.StartTLS()
	c.Login()
	c.Private()
	feat, help := c.Cmd("FEAT").String(), c.Cmd("HELP").String()
	require.Contains(t, feat, "\n HASH CRC32;SHA-256*;SHA-512\n", "no MD5, no SHA-1: %q", feat)
	for _, verb := range []string{"XMD5", "MD5", "XSHA", "XSHA1"} {
		assert.NotContains(t, strings.Fields(feat+" "+help), verb)
		c.Expect(502, "HELP %s", verb)
		c.Expect(502, "%s f", verb)
		c.Expect(502, "%s nothing", verb)
	}
	for verb, length := range map[string]int{"XCRC": 8, "XSHA256": 64, "XSHA512": 128} {
		assert.Contains(t, strings.Fields(feat), verb)
		assert.Len(t, c.Expect(250, "%s f", verb).Text(), length)
	}
	for _, name := range []string{"MD5", "SHA-1", "SHA1", "md5", "sha-1"} {
		c.Expect(501, "OPTS HASH %s", name)
		c.Expect(504, "SITE EXPECT %s 900150983cd24fb0d6963f7d28e17f72", name)
	}
	for _, name := range []string{"CRC32", "SHA-256", "SHA-512"} {
		c.Expect(200, "OPTS HASH %s", name)
		c.Expect(213, "HASH f")
	}
	sum := sha256.Sum256([]byte("stored"))
	c.Expect(200, "SITE EXPECT SHA-256 %x", sum)
	require.Equal(t, 226, c.Store("STOR new", "stored").Code)
	got, r := c.Retrieve("RETR new")
	require.Equal(t, 226, r.Code)
	require.Equal(t, "stored", got)
	_, r = c.Retrieve("MLSD")
	require.Equal(t, 226, r.Code, "a second data connection resumes")
	require.Equal(t, 226, c.Store("STOU", "unique").Code)
}

func TestADigestThatFIPSForbidsIsRefusedAtStart(t *testing.T) {
	if !enforced(t) {
		return
	}
	for digests, want := range map[paradise.Digest]string{
		paradise.DigestMD5:                          "Policy.Digests has MD5,",
		paradise.DigestSHA1 | paradise.DigestSHA256: "Policy.Digests has SHA-1,",
		paradise.DigestMD5 | paradise.DigestSHA1:    "Policy.Digests has MD5,SHA-1,",
	} {
		srv := &paradise.Server{Addr: "127.0.0.1:0", Policy: paradise.Policy{Digests: digests}}
		require.ErrorContains(t, srv.ListenAndServe(), want)
	}
}

func TestADigestThatFIPSForbidsIsLeftOutForAUser(t *testing.T) {
	if !enforced(t) {
		return
	}
	var ended paradise.TransferEvent
	policy := paradise.Policy{TLS: paradise.TLSOptional, Digests: paradise.DigestMD5 | paradise.DigestSHA1 | paradise.DigestSHA512}
	srv := paradisetest.NewServer(t, &paradise.Server{
		Auth: paradise.AuthFunc(func(context.Context, *paradise.Session, paradise.Credentials) (*paradise.User, error) {
			return &paradise.User{Policy: &policy}, nil
		}),
		Hooks: paradise.Hooks{TransferEnd: func(_ context.Context, e paradise.TransferEvent) { ended = e }},
	})
	c := srv.Dial()
	c.Login()
	require.Equal(t, 226, c.Store("STOR f", "x").Code)
	c.Expect(221, "QUIT")
	srv.Close()
	require.Len(t, ended.Digests, 1)
	require.Contains(t, ended.Digests, paradise.DigestSHA512)
}

func TestAllDigestsWorkWhereNothingForbidsThem(t *testing.T) {
	c := serveTLS(t, paradise.Policy{TLS: paradise.TLSOptional}).Dial()
	c.Login()
	require.Contains(t, c.Cmd("FEAT").String(), "HASH CRC32;MD5;SHA-1;SHA-256*;SHA-512")
	for verb, want := range map[string]any{"XMD5": md5.Sum([]byte("content")), "XSHA1": sha1.Sum([]byte("content"))} {
		require.Contains(t, c.Expect(250, "%s f", verb).Text(), strings.ToUpper(fmt.Sprintf("%x", want)))
	}
	sum := md5.Sum([]byte("content"))
	c.Expect(200, "OPTS HASH MD5")
	require.Contains(t, c.Expect(213, "HASH f").Text(), hex.EncodeToString(sum[:]))
}
