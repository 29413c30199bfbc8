package paradise

import (
	"context"
	"crypto/tls"
	"net/netip"
	"time"
)

// PassiveOptions say how passive data connections are offered (PASV, EPSV).
type PassiveOptions struct {
	// MinPort and MaxPort bound the ports, both inclusive. Zero: any free port.
	MinPort, MaxPort uint16

	// PublicIP is announced by PASV instead of the control connection's own
	// address, for servers behind NAT. Zero: the own address. EPSV announces
	// no address.
	PublicIP netip.Addr

	// PublicIPFor overrides PublicIP per session. Nil, or an invalid result:
	// PublicIP.
	PublicIPFor func(ctx context.Context, s *Session) netip.Addr

	// PeerCheck says who may connect. Zero: only the address of the control
	// connection. The first connection from elsewhere is logged for each data
	// channel, with the setting that admits it.
	PeerCheck PeerCheck

	// NoEPSV answers 502 to EPSV, for firewalls that understand only PASV.
	// Zero: EPSV works.
	NoEPSV bool
}

// PeerCheck says which addresses may use a session's data connection.
type PeerCheck uint8

const (
	// PeerSame takes the control connection's address only.
	PeerSame PeerCheck = iota
	// PeerSubnet takes its /24 (IPv4) or /64 (IPv6), for clients behind
	// several egress addresses.
	PeerSubnet
	// PeerAny takes any address. Anyone may then steal a transfer that TLS
	// reuse does not bind.
	PeerAny
)

// ActiveOptions say how active data connections are opened (PORT, EPRT).
type ActiveOptions struct {
	// Disable answers 502 to PORT and EPRT. Zero: they work.
	Disable bool
	// AnyPeer lets a client name another address than its own, as server to
	// server transfers (FXP) need, but never a private, loopback or link-local
	// one. Zero: its own address only. Ports below 1024 are always refused.
	AnyPeer bool
	// LocalPort is the source port, 20 by RFC 959, 3.2, which needs
	// privileges. Zero: any.
	LocalPort uint16
}

// Timeouts bound every wait. Zero is the default given; negative is none.
type Timeouts struct {
	Login     time.Duration // from connect to login, in all; 60 s
	Idle      time.Duration // between commands, when nothing is transferred; 5 min
	Line      time.Duration // from a line's first byte to its last; 30 s
	Reply     time.Duration // for the client to take a reply; 30 s
	Data      time.Duration // for a data connection to be opened; 30 s
	Handshake time.Duration // for a TLS handshake; 10 s
	Stall     time.Duration // without progress of a transfer; 60 s
	Driver    time.Duration // for one step of a driver: a call, or an entry of its listing; 2 min
}

var defaultTimeouts = Timeouts{
	Login:     60 * time.Second,
	Idle:      5 * time.Minute,
	Line:      30 * time.Second,
	Reply:     30 * time.Second,
	Data:      30 * time.Second,
	Handshake: 10 * time.Second,
	Stall:     60 * time.Second,
	Driver:    2 * time.Minute,
}

func (t Timeouts) withDefaults() Timeouts {
	d := defaultTimeouts
	for _, f := range []struct{ v, def *time.Duration }{
		{&t.Login, &d.Login}, {&t.Idle, &d.Idle}, {&t.Line, &d.Line}, {&t.Reply, &d.Reply},
		{&t.Data, &d.Data}, {&t.Handshake, &d.Handshake}, {&t.Stall, &d.Stall}, {&t.Driver, &d.Driver},
	} {
		switch {
		case *f.v == 0:
			*f.v = *f.def
		case *f.v < 0:
			*f.v = forever
		}
	}
	return t
}

// forever stands for no timeout where arithmetic on deadlines must not
// overflow.
const forever = 100 * 365 * 24 * time.Hour

// Limits bound what strangers may use up. Zero is the default given; negative
// is none. An address is an IPv4 address or an IPv6 /64.
//
// A session holds one descriptor and a transfer three more. Of those that the
// process may have, a tenth, 64 at least, is left to the host program; by
// default sessions leave of the rest what 512 transfers need, or half of it if
// that is less, so that who was let in finds some to transfer with: 425 is the
// answer where there are none.
type Limits struct {
	Sessions      int           // at once; what the descriptors carry, see above
	SessionsPerIP int           // at once from one address; 256
	LoginsPerMin  int           // logins tried per minute from one address; 6000
	LoginsAtOnce  int           // logins of one address that the AuthDriver is asked about at once; the next wait; 4
	LoginTries    int           // failed logins per connection, the last answered with 421; 3
	BanAfter      int           // failed logins in a row that have an address turned away, or a name from there; 30
	BanFor        time.Duration // how long; 5 min
	FailedDelay   time.Duration // from PASS to the answer of a failed login, doubling with each; 1 s
	EarlyCommands int           // commands before login; 100
	BadCommands   int           // unknown commands before login; 10
	UploadRate    int64         // of the whole server, bytes per second; none
	DownloadRate  int64         // of the whole server, bytes per second; none
}

var defaultLimits = Limits{
	SessionsPerIP: 256,
	LoginsPerMin:  6000,
	LoginsAtOnce:  4,
	LoginTries:    3,
	BanAfter:      30,
	BanFor:        5 * time.Minute,
	FailedDelay:   time.Second,
	EarlyCommands: 100,
	BadCommands:   10,
}

func (l Limits) withDefaults() Limits {
	d := defaultLimits
	for _, f := range []struct{ v, def *int }{
		{&l.SessionsPerIP, &d.SessionsPerIP}, {&l.LoginsPerMin, &d.LoginsPerMin},
		{&l.LoginsAtOnce, &d.LoginsAtOnce}, {&l.LoginTries, &d.LoginTries},
		{&l.BanAfter, &d.BanAfter}, {&l.EarlyCommands, &d.EarlyCommands}, {&l.BadCommands, &d.BadCommands},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	for _, f := range []struct{ v, def *time.Duration }{{&l.BanFor, &d.BanFor}, {&l.FailedDelay, &d.FailedDelay}} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	return l
}

// Host is a virtual host; its nil and empty fields are the server's.
type Host struct {
	Banner    string
	Auth      AuthDriver
	Files     FileDriver
	TLSConfig *tls.Config
}
