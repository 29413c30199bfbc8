package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// cache keeps positive answers for a while. Its keys are digests with a secret key of
// this process, so memory holds no password and nothing by which to guess one.
type cache struct {
	ttl  time.Duration
	size int
	key  [32]byte

	mu      sync.Mutex
	answers map[digest]entry
	order   []line // oldest first, which is also the order in which they expire
}

type digest [sha256.Size]byte

type entry struct {
	answer  Answer
	expires time.Time
}

type line struct {
	key     digest
	expires time.Time
}

func newCache(ttl time.Duration, size int) *cache {
	c := &cache{ttl: ttl, size: size, answers: map[digest]entry{}}
	rand.Read(c.key[:])
	return c
}

// get returns a cached answer that has not expired. A nil cache is empty.
func (c *cache) get(r Request, now time.Time) (Answer, bool) {
	if c == nil {
		return Answer{}, false
	}
	k := c.digest(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.answers[k]
	if !ok || !now.Before(e.expires) {
		return Answer{}, false
	}
	return e.answer, true
}

func (c *cache) put(r Request, a Answer, now time.Time) {
	if c == nil {
		return
	}
	k, expires := c.digest(r), now.Add(c.ttl)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[k] = entry{a, expires}
	c.order = append(c.order, line{k, expires})
	for len(c.order) > 0 && (len(c.order) > c.size || !now.Before(c.order[0].expires)) {
		c.drop(c.order[0])
		c.order = c.order[1:]
	}
}

// drop removes the answer of l, unless a newer line has replaced it.
func (c *cache) drop(l line) {
	if c.answers[l.key].expires.Equal(l.expires) {
		delete(c.answers, l.key)
	}
}

// digest covers everything on which the service may have based its answer, except for
// the fields that differ in each request.
func (c *cache) digest(r Request) digest {
	fields := []string{r.User, r.Password, r.Account, r.Address, r.Server, r.Host}
	if r.HasPassword {
		fields = append(fields, "password")
	}
	if r.TLS != nil {
		fields = append(fields, "tls", r.TLS.Version, r.TLS.ServerName)
		if cert := r.TLS.ClientCertificate; cert != nil && cert.Verified {
			fields = append(fields, "verified", cert.SHA256)
		} else if cert != nil {
			fields = append(fields, "shown", cert.SHA256)
		}
	}
	mac := hmac.New(sha256.New, c.key[:])
	var n [8]byte
	for _, f := range fields {
		binary.BigEndian.PutUint64(n[:], uint64(len(f)))
		mac.Write(n[:])
		mac.Write([]byte(f))
	}
	return digest(mac.Sum(nil))
}
