package osfs

import (
	"os/user"
	"strconv"
	"sync"
)

// NumericOwners is for [Options.Owners]: it tells the numbers.
func NumericOwners(uid, gid uint32) (owner, group string) {
	return strconv.FormatUint(uint64(uid), 10), strconv.FormatUint(uint64(gid), 10)
}

// SystemOwners makes a function for [Options.Owners] that tells the system's
// names, or the number of what has none. It asks once per number and remembers
// the answer for good, at most 4096 of each; further ones are told as numbers.
// The first listing with a new number waits for the system's user database.
func SystemOwners() func(uid, gid uint32) (owner, group string) {
	users := &idCache{lookup: func(id string) (string, error) {
		u, err := user.LookupId(id)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	}}
	groups := &idCache{lookup: func(id string) (string, error) {
		g, err := user.LookupGroupId(id)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	}}
	return func(uid, gid uint32) (string, string) { return users.name(uid), groups.name(gid) }
}

type idCache struct {
	lookup func(id string) (string, error)
	mu     sync.RWMutex
	names  map[uint32]string
}

func (c *idCache) name(id uint32) string {
	const maxNames = 4096
	c.mu.RLock()
	name, known := c.names[id]
	full := len(c.names) >= maxNames
	c.mu.RUnlock()
	if known {
		return name
	}
	number := strconv.FormatUint(uint64(id), 10)
	if full {
		return number
	}
	name, err := c.lookup(number)
	if err != nil || name == "" {
		name = number
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = map[uint32]string{}
	}
	c.names[id] = name
	return name
}
