package line

// Telnet's bytes (RFC 854). Commands are 236 (RFC 1184) and above.
const (
	firstCommand = 236
	se           = 240 // end of a subnegotiation
	dm           = 242 // data mark, urgent
	ip           = 244 // interrupt process
	sb           = 250 // begin of a subnegotiation
	will         = 251
	wont         = 252
	do           = 253
	dont         = 254
	iac          = 255 // what follows is a command
)

// maxSub bounds a subnegotiation; what comes beyond is data again.
const maxSub = 256

// telnet takes Telnet commands out of a stream. Its zero value is at the start
// of one.
type telnet struct {
	state  telnetState
	sub    uint16 // bytes of this subnegotiation
	inLine bool   // the last byte kept was not LF
	wish   byte   // of the negotiation that is open: will, wont, do or dont
	refuse []byte // answers to what was offered or asked for
}

type telnetState uint8

const (
	inData telnetState = iota
	inCommand
	inOption
	inSub
	inSubCommand
)

// open reports whether a command has begun and not ended.
func (t *telnet) open() bool { return t.state != inData }

// strip drops commands from p in place and returns how many bytes it kept.
func (t *telnet) strip(p []byte) int {
	n := 0
	for _, b := range p {
		plain := t.inLine && t.state == inData && b != iac // nearly all there is
		if !plain && !t.keep(b) {
			continue
		}
		t.inLine = b != '\n'
		p[n] = b
		n++
	}
	return n
}

// keep reports whether b is data.
func (t *telnet) keep(b byte) bool {
	switch t.state {
	case inData:
		return t.data(b)
	case inCommand:
		return t.command(b)
	case inOption:
		t.state = inData
		t.negotiate(b)
		return false
	default:
		t.subnegotiate(b)
		return false
	}
}

func (t *telnet) data(b byte) bool {
	if b == iac {
		t.state = inCommand
		return false
	}
	// The IAC before these is lost where it was the urgent byte. No verb begins
	// like this.
	return t.inLine || b != dm && b != ip
}

// command takes the byte after IAC. One that is no command is data: there the
// command itself was the urgent byte and is lost.
func (t *telnet) command(b byte) bool {
	t.state = inData
	switch {
	case b == iac:
		return true
	case b >= will && b <= dont:
		t.state, t.wish = inOption, b
	case b == sb:
		t.state, t.sub = inSub, 0
	}
	return b < firstCommand
}

// negotiate refuses every option (RFC 1123, 4.1.2.12). What is off already needs
// no answer (RFC 854).
func (t *telnet) negotiate(option byte) {
	switch t.wish {
	case will:
		t.refuse = append(t.refuse, iac, dont, option)
	case do:
		t.refuse = append(t.refuse, iac, wont, option)
	}
}

func (t *telnet) subnegotiate(b byte) {
	t.sub++
	switch {
	case t.state == inSubCommand && b == se, t.sub >= maxSub:
		t.state = inData
	case t.state == inSub && b == iac:
		t.state = inSubCommand
	default:
		t.state = inSub
	}
}
