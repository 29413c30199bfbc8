package paradise

import (
	"errors"
	"io"
	"strings"
)

func hashCommands() []*command {
	row := func(verb string, kind Digest, ref string) *command {
		done := 250
		if verb == "MD5" {
			done = 251
		}
		return &command{
			name: verb, syntax: "name [start end]", feat: verb, ref: ref,
			needs: needLogin | needArg | keepsBoth | storage, perm: PermRead, digest: kind,
			codes: []int{done, 426},
			run:   func(c *conn, arg string) reply { return c.oldHash(verb, kind, arg) },
		}
	}
	return []*command{
		{
			name: "HASH", syntax: "name", ref: "draft-bryan-ftpext-hash, 3",
			needs: needLogin | needArg | keepsSource | storage, perm: PermRead,
			codes: []int{213, 426},
			run:   cmdHash,
		},
		row("XCRC", DigestCRC32, "GlobalSCAPE"),
		row("XMD5", DigestMD5, "GlobalSCAPE"),
		row("MD5", DigestMD5, "draft-twine-ftpmd5"),
		row("XSHA", DigestSHA1, "GlobalSCAPE"),
		row("XSHA1", DigestSHA1, "GlobalSCAPE"),
		row("XSHA256", DigestSHA256, "GlobalSCAPE"),
		row("XSHA512", DigestSHA512, "GlobalSCAPE"),
	}
}

func hashSite() []*siteCommand {
	return []*siteCommand{
		{
			name: "EXPECT", syntax: "function digest",
			keeps: keepsBoth, args: 2,
			run: siteExpect,
		},
	}
}

// featHash lists the functions, the one in use with a star.
func (c *conn) featHash() string {
	names := make([]string, 0, len(digestKinds))
	for _, k := range digestKinds {
		if k.kind&c.env.table.digests == 0 {
			continue
		}
		name := k.name
		if k.kind == c.params.hash {
			name += "*"
		}
		names = append(names, name)
	}
	return "HASH " + strings.Join(names, ";")
}

func (c *conn) optsHash(arg string) reply {
	if arg == "" {
		return say(200, c.params.hash.String())
	}
	kind, ok := c.digestNamed(arg)
	if !ok {
		return say(501, "Hash function not known")
	}
	c.params.hash = kind
	return say(200, kind.String())
}

// cmdHash: "213 SHA-256 0-49 digest name". RANG bounds it.
func cmdHash(c *conn, arg string) reply {
	start, end := c.params.offset, c.params.rangeEnd
	name, e, r := c.regular(arg)
	if r.code != 0 {
		return r
	}
	end, ok := clampRange(start, end, e.Size)
	if !ok {
		return replyFor(ErrBadOffset, 550)
	}
	kind := c.params.hash
	return c.hashJob("HASH", kind, name, e, start, end, func(sum string, length int64) reply {
		return say(213, kind.String()+" "+itoa(start)+"-"+itoa(start+length)+" "+sum+" "+arg)
	})
}

// clampRange bounds the end of a range by the file's size. An end below zero is
// the file's; a size below zero is not known. A start behind the end is no range.
func clampRange(start, end, size int64) (int64, bool) {
	if end < 0 || size >= 0 && end > size {
		end = size
	}
	return end, end < 0 || start <= end
}

// oldHash takes "name", "name end" and "name start end"; a name with spaces may
// be quoted.
func (c *conn) oldHash(verb string, kind Digest, arg string) reply {
	file, start, end := arg, int64(0), int64(-1)
	if words, ok := quotedWords(arg); ok && (strings.HasPrefix(arg, `"`) || !c.namesFile(arg)) {
		var bad bool
		if file, start, end, bad = hashRange(words); bad {
			return say(501, "Syntax: "+verb+" name [start end]")
		}
	}
	name, e, r := c.regular(file)
	if r.code != 0 {
		return r
	}
	end, ok := clampRange(start, end, e.Size)
	if !ok {
		return replyFor(ErrBadOffset, 550)
	}
	code := 250
	if verb == "MD5" {
		code = 251
	}
	return c.hashJob(verb, kind, name, e, start, end, func(sum string, _ int64) reply {
		if code == 251 {
			return say(251, quotePath(file)+" "+strings.ToUpper(sum))
		}
		return say(250, strings.ToUpper(sum))
	})
}

// hashRange takes numbers off the end of the words.
func hashRange(words []string) (file string, start, end int64, bad bool) {
	end = -1
	n := len(words)
	if n >= 3 && isDigits(words[n-1]) && isDigits(words[n-2]) {
		s, err1 := parseSize(words[n-2])
		e, err2 := parseSize(words[n-1])
		return strings.Join(words[:n-2], " "), s, e, err1 != nil || err2 != nil
	}
	if n == 2 && isDigits(words[1]) {
		e, err := parseSize(words[1])
		return words[0], 0, e, err != nil
	}
	return strings.Join(words, " "), 0, -1, false
}

// hashJob answers from the last upload's one pass where that still holds, and
// reads the file beside the control connection otherwise: ABOR ends it.
func (c *conn) hashJob(
	verb string, kind Digest, name string, e Entry, start, end int64, answer func(sum string, length int64) reply,
) reply {
	if whole := start == 0 && end == e.Size; whole {
		if sum := c.params.lastUpload.sum(kind, name, e); sum != "" {
			return answer(sum, e.Size)
		}
	}
	s, files := c.facts(), c.files()
	return reply{job: &job{verb: verb, name: name, answers: true, run: func(x *xfer) reply {
		sum, n, err := hashFile(x, x.watched(files), s, kind, name, start, end)
		if err != nil {
			return replyFor(x.reason(err), 502)
		}
		return answer(sum, n)
	}}}
}

// errManyFiles refuses a command whose file would take a descriptor that is kept for
// others.
var errManyFiles = &ReplyError{Code: 450, Text: "Too many files are open, try again later"}

func hashFile(
	x *xfer, files FileDriver, s *Session, kind Digest, name string, start, end int64,
) (sum string, length int64, err error) {
	if !x.c.env.admission.takeFDs(1) {
		return "", 0, errManyFiles
	}
	defer x.c.env.admission.giveFDs(1)
	src, err := openAt(x, files, s, name, start)
	if err != nil {
		return "", 0, err
	}
	defer src.Close()
	var r io.Reader = src
	if end >= 0 {
		r = io.LimitReader(src, end-start)
	}
	const class = len(bufferSizes) - 1
	buf := getBuffer(class)
	defer putBuffer(class, buf)
	d := newDigester(kind)
	total := int64(0)
	for {
		n, err := r.Read(*buf)
		if werr := x.hash(d, (*buf)[:n]); werr != nil {
			return "", 0, werr
		}
		total += int64(n)
		if err == io.EOF {
			return d.sums()[kind], total, nil
		}
		if err != nil {
			return "", 0, err
		}
	}
}

// hash adds p to d in a place for that, which it holds for no more than this: others
// have their turn between any two buffers, and a driver that is slow holds none.
func (x *xfer) hash(d *digester, p []byte) error {
	x.dog.disarm() // waiting for a place is no driver's fault
	limits, addr := x.c.env.admission, x.c.remoteAddr()
	if err := limits.hashing(x.ctx, addr); err != nil {
		return err
	}
	defer limits.hashed(addr)
	d.write(p)
	return x.ctx.Err()
}

// openAt skips to the offset where the storage cannot.
func openAt(x *xfer, files FileDriver, s *Session, name string, offset int64) (io.ReadCloser, error) {
	src, err := files.Open(x.ctx, s, name, offset)
	if offset == 0 || !errors.Is(err, errUnsupported) {
		return src, err
	}
	src, err = files.Open(x.ctx, s, name, 0)
	if err != nil {
		return nil, err
	}
	if _, err = io.CopyN(io.Discard, src, offset); err == nil {
		return src, nil
	}
	src.Close()
	if err == io.EOF { // it is shorter; whatever else ends the reading says nothing about that
		err = ErrBadOffset
	}
	return nil, err
}

// siteExpect makes the next upload stand or fall with a digest.
func siteExpect(c *conn, arg string) reply {
	f := strings.Fields(arg)
	kind, ok := c.digestNamed(f[0])
	switch {
	case !ok:
		return say(504, "Hash function not known")
	case len(f) != 2 || !isHex(f[1]) || len(f[1]) != len(newDigester(kind).sums()[kind]):
		return say(501, "Syntax: SITE EXPECT function digest-in-hex")
	}
	if c.params.expect == nil {
		c.params.expect = make(map[Digest]string)
	}
	c.params.expect[kind] = strings.ToLower(f[1])
	return say(200, "Expecting "+kind.String()+" of the next upload")
}

func isHex(s string) bool { return strings.Trim(strings.ToLower(s), "0123456789abcdef") == "" }

// digestNamed finds a function that may be used by its name; a missing dash is
// forgiven.
func (c *conn) digestNamed(name string) (Digest, bool) {
	name = strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(name)), "-", "")
	for _, k := range digestKinds {
		if strings.ReplaceAll(k.name, "-", "") == name {
			return k.kind, k.kind&c.env.table.digests != 0
		}
	}
	return 0, false
}

// expected are the digests that SITE EXPECT asked for.
func (c *conn) expected() Digest {
	var d Digest
	for kind := range c.params.expect {
		d |= kind
	}
	return d
}
