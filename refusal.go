package paradise

// refusal is a reason to turn a client away; each has a counter.
type refusal int

const (
	refusedAccept refusal = iota
	refusedClosing
	refusedSessions
	refusedPerIP
	refusedDescriptors
	refusedBanned
	refusedLoginRate
	refusedLoginTries
	refusedLoginTime
	refusedGone
	refusedEarly
	refusedUnknown
	refusedHTTP
	refusedSlowLine
	refusedIdle
	refusedPeer
	refusedInjection
	refusedBounce
	refusedContent
	refusalCount
)

// refusals name the reasons for logs and metrics, and for the client where it
// is told with 421.
var refusals = [refusalCount]struct{ name, text string }{
	refusedAccept:      {"accept", ""},
	refusedClosing:     {"closing", "Service not available, closing control connection"},
	refusedSessions:    {"sessions", "Too many connections, try again later"},
	refusedPerIP:       {"sessions_per_ip", "Too many connections from your address"},
	refusedDescriptors: {"descriptors", "Too many connections, try again later"},
	refusedBanned:      {"banned", "Too many failed logins from your address, try again later"},
	refusedLoginRate:   {"login_rate", "Too many logins from your address, try again later"},
	refusedLoginTries:  {"login_tries", "Too many failed logins, closing control connection"},
	refusedLoginTime:   {"login_time", "Login took too long, closing control connection"},
	refusedGone:        {"gone", "Client has gone"},
	refusedEarly:       {"early_commands", "Too many commands before login, closing control connection"},
	refusedUnknown:     {"unknown_commands", "Too many unknown commands, closing control connection"},
	refusedHTTP:        {"http", "This is an FTP server, closing control connection"},
	refusedSlowLine:    {"slow_line", ""},
	refusedIdle:        {"idle", ""},
	refusedPeer:        {"data_peer", ""},
	refusedInjection:   {"tls_injection", ""},
	refusedBounce:      {"bounce", ""},
	refusedContent:     {"content", ""},
}

func (r refusal) String() string { return refusals[r].name }

func (r refusal) text() string { return refusals[r].text }
