package paradise

import (
	"time"

	"golang.org/x/text/encoding"
)

// Policy is what may differ from user to user. Server.Policy holds for all;
// an AuthDriver may return another one with the [User]. The zero value is the
// strictest at doors (TLS, endings, passwords) and restricts nothing inside.
type Policy struct {
	// TLS says where encryption is needed. Zero: for login and data, wherever
	// the server has a TLSConfig.
	TLS TLSRule

	// DataTLSReuse says whether a data connection must resume the TLS session
	// of its control connection. Zero: preferred.
	DataTLSReuse DataTLSReuse

	// AllowUnclosedTLS takes an upload over TLS for complete although its
	// connection ended without close_notify, which cannot be told from a
	// truncated one. Zero: it is aborted with 426.
	AllowUnclosedTLS bool

	// AllowLostControl takes an upload for complete although the control
	// connection broke before its end. Zero: it is aborted. One whose data
	// connection is not open by then is aborted in any case.
	AllowLostControl bool

	// LostControlWait is how long an upload in the clear waits, once its data has
	// ended, for its control connection to end too. That tells a client that was
	// killed from one that is done: the end of the data is the same. Who has said
	// where the data ends does not wait: by MODE Z, by ALLO or SITE EXPECT that
	// hold, by a further command; over TLS nobody does. Zero: 30 ms. Negative: no
	// wait; the upload of a client that is killed may be published as far as it came.
	// More than a minute is an error in Server.Policy, and a minute in a user's.
	LostControlWait time.Duration

	// AllowEmptyPassword passes empty passwords on to the AuthDriver. Zero:
	// they are refused.
	AllowEmptyPassword bool

	// RequireALLO discards an upload whose size differs from what ALLO said
	// (451). Zero: ALLO is a hint.
	RequireALLO bool

	// Deny takes permissions away. Zero: nothing is denied.
	Deny Perm

	// GrantTree allows RMDA and RMD -r, which remove whole folders. Zero: they
	// are refused.
	GrantTree bool

	// MaxFileSize bounds the resulting file of an upload, copy or join, in bytes.
	// Zero or less: no bound.
	MaxFileSize int64

	// MaxSessions bounds the sessions logged in under the same user name, at each
	// virtual host. Zero: no bound.
	MaxSessions int

	// UploadRate and DownloadRate bound a session's transfers, in bytes per
	// second. Zero: no bound.
	UploadRate, DownloadRate int64

	// MinUploadRate aborts an upload that is slower than this over 30 seconds,
	// in bytes per second. Zero: no floor; Timeouts.Stall always holds.
	MinUploadRate int64

	// Gate refuses uploads by name and type. Zero: all are taken.
	Gate Gate

	// Digests are computed while an upload streams and reach the transfer
	// event; HASH and its kin answer from them. Zero: none. What the process may
	// not compute (MD5 and SHA-1 under GODEBUG=fips140=only) is an error in
	// Server.Policy, and left out in a user's.
	Digests Digest

	// RawASCII switches the line-end conversion of TYPE A off. Zero: TYPE A
	// converts once the client asked for it.
	RawASCII bool

	// ASCIIDefault takes TYPE A for said until the client says a TYPE, as RFC 959,
	// 3.1.1.1 has it: lftp and ncftp send text so. It corrupts what devices send
	// that never say TYPE. Zero: before any TYPE bytes move unchanged.
	ASCIIDefault bool

	// Charset is what names are in that are not valid UTF-8, and all names
	// after OPTS UTF8 OFF. Zero: names are bytes that pass unchanged.
	Charset encoding.Encoding

	// Device holds concessions to devices with odd habits. Zero: none.
	Device DeviceProfile

	// Zone is the time zone of LIST. Zero: UTC. MLSD and MDTM are always UTC.
	Zone *time.Location

	// Trace logs every line of the control connection at level debug, secrets
	// hidden. Zero: off.
	Trace bool
}

// DeviceProfile is the one place for concessions to cameras, scanners and
// other devices; all are off by default.
type DeviceProfile struct {
	MkdExistingOK  bool // MKD of a folder that exists answers 257
	MakeParents    bool // STOR, APPE and MKD create missing parent folders
	Backslash      bool // "\" separates folders as "/" does
	RenameUploads  bool // STOR to a taken name stores under "name.1.ext" and so on
	QuietSite      bool // unknown SITE commands answer 200 and do nothing
	NLSTNamesOnly  bool // NLST dir lists "x", not "dir/x"
	NLSTNoMatch550 bool // NLST and LIST of a pattern without match answer 550
	SizeInASCII    bool // SIZE answers the stored size in TYPE A too
	AnyActivePeer  bool // PORT and EPRT may name another address than the client's (never below port 1024)
}

// TLSRule says where encryption is needed.
type TLSRule uint8

const (
	// TLSDefault needs TLS for login and data if the server has a TLSConfig;
	// without one logins are in the clear, and the log says so once.
	TLSDefault TLSRule = iota
	// TLSOptional leaves it to the client.
	TLSOptional
	// TLSLogin needs TLS before login; data may be in the clear.
	TLSLogin
	// TLSRequired needs TLS for login and data.
	TLSRequired
)

// DataTLSReuse says how a TLS data connection is bound to its session.
type DataTLSReuse uint8

const (
	// ReusePrefer takes data connections that do not resume, as long as the
	// peer's address is right. Tickets are kept back on uploads, where unread
	// ones break write-only clients.
	ReusePrefer DataTLSReuse = iota
	// ReuseRequire answers 522 to data connections that do not resume. For a user
	// of a server whose own policy is ReuseOff that is all of them.
	ReuseRequire
	// ReuseOff neither offers nor checks resumption. In Server.Policy it means that
	// nobody gets tickets, whatever a user's policy says.
	ReuseOff
)

// Perm is a set of permissions, one per kind of action; the command table
// names the ones each verb needs. Those that depend on whether a file is there hold
// at the moment of the change, whoever has made or removed it since.
type Perm uint32

const (
	PermList      Perm = 1 << iota // LIST NLST MLSD MLST STAT path
	PermRead                       // RETR and digests
	PermCreate                     // STOR, STOU, APPE, COPY to a new name; COMB
	PermOverwrite                  // STOR, RNTO, COPY, COMB onto an existing file; REST+STOR before its end
	PermAppend                     // APPE, REST+STOR, COMB onto an existing file
	PermDelete                     // DELE, RMDA, RMD -r
	PermRename                     // RNFR RNTO
	PermMkdir                      // MKD
	PermRmdir                      // RMD, RMDA
	PermChmod                      // SITE CHMOD, MFF UNIX.mode
	PermTimes                      // MFMT, MFCT, MDTM as setter, SITE UTIME
	PermSite                       // other SITE commands
)

// Sets for Policy.Deny, named by what they take away. See [ParsePerm] for text.
const (
	// PermWrites is everything that changes something. Without it users list and
	// read.
	PermWrites = PermCreate | PermOverwrite | PermAppend | PermDelete | PermRename |
		PermMkdir | PermRmdir | PermChmod | PermTimes
	// PermAllButUpload is what a drop box denies: it takes new files, in new
	// folders too, and nothing is listed, read back, replaced or removed.
	PermAllButUpload = PermList | PermRead | PermOverwrite | PermAppend | PermDelete | PermRename |
		PermRmdir | PermChmod | PermTimes
)

// Digest is a set of hash functions.
type Digest uint8

const (
	DigestCRC32 Digest = 1 << iota
	DigestMD5
	DigestSHA1
	DigestSHA256
	DigestSHA512
)

// Gate holds rules on what may be uploaded. All rules that are set must let a
// file in. Types are MIME types ("image/png") or families ("image/*"). The rules hold
// for uploads, copies and joins, for the whole as it is when it appears. A file that
// is renamed is held to those on names, Names, DenyNames and MatchExtension, and not
// again to those on content alone.
type Gate struct {
	// Allow lists the types taken; it matches the detected type or one of its
	// ancestors, but application/octet-stream only itself, and SVG must be
	// named. Empty: all.
	Allow []string
	// Deny lists types refused; it matches ancestors too. Empty: none.
	Deny []string
	// RefuseEmpty refuses files without a byte. Zero: they are taken, whatever
	// Allow says.
	RefuseEmpty bool
	// MatchExtension refuses a file whose name ends in an extension that
	// belongs to another detected type. Zero: names are not looked at.
	MatchExtension bool
	// Names are patterns as of path.Match for the last element, one of which
	// must match. Empty: all. A malformed pattern, here or in DenyNames, lets
	// nothing in; Serve refuses one in Server.Policy.
	Names []string
	// DenyNames are patterns none of which may match. Empty: none.
	DenyNames []string
}
