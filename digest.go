package paradise

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"strings"
	"time"
)

// digestKinds lists the hash functions with the names that HASH gives them
// (draft-bryan-ftpext-hash) and the verb of the older way to ask.
var digestKinds = []struct {
	kind Digest
	name string
	make func() hash.Hash
}{
	{DigestCRC32, "CRC32", func() hash.Hash { return crc32.NewIEEE() }},
	{DigestMD5, "MD5", md5.New},
	{DigestSHA1, "SHA-1", sha1.New},
	{DigestSHA256, "SHA-256", sha256.New},
	{DigestSHA512, "SHA-512", sha512.New},
}

// String names the functions of d as HASH does.
func (d Digest) String() string {
	var names []string
	for _, k := range digestKinds {
		if d&k.kind != 0 {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, ",")
}

// usableDigests are the functions that this process may use: where FIPS 140 is
// enforced MD5 and SHA-1 panic. They are tried, since Go distributions differ in
// what they enforce and how they say so.
func usableDigests() Digest {
	var d Digest
	for _, k := range digestKinds {
		if usable(k.make) {
			d |= k.kind
		}
	}
	return d
}

func usable(make func() hash.Hash) (ok bool) {
	defer func() { ok = recover() == nil && ok }()
	h := make()
	_, err := h.Write([]byte{0})
	return err == nil && len(h.Sum(nil)) == h.Size()
}

// digester computes several digests of one stream. Nil computes none.
type digester struct {
	kinds  []Digest
	hashes []hash.Hash
}

// newDigester is nil where nothing is asked for, so that a plain upload pays
// nothing.
func newDigester(want Digest) *digester {
	if want == 0 {
		return nil
	}
	d := &digester{}
	for _, k := range digestKinds {
		if want&k.kind != 0 {
			d.kinds = append(d.kinds, k.kind)
			d.hashes = append(d.hashes, k.make())
		}
	}
	return d
}

func (d *digester) write(p []byte) {
	if d == nil {
		return
	}
	for _, h := range d.hashes {
		h.Write(p)
	}
}

// sums are in lower-case hex.
func (d *digester) sums() map[Digest]string {
	if d == nil {
		return nil
	}
	m := make(map[Digest]string, len(d.kinds))
	for i, kind := range d.kinds {
		m[kind] = hex.EncodeToString(d.hashes[i].Sum(nil))
	}
	return m
}

// digestRecord remembers the digests of the last upload; they hold while size
// and time of the file do.
type digestRecord struct {
	name    string
	size    int64
	modTime time.Time
	sums    map[Digest]string
}

// sum is empty if it is not known of this file as it is now.
func (d *digestRecord) sum(kind Digest, name string, e Entry) string {
	if d == nil || d.name != name || d.size != e.Size || !d.modTime.Equal(e.ModTime) {
		return ""
	}
	return d.sums[kind]
}
