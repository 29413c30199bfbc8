package line

// These are Telnet's bytes (RFC 854). Commands are 236 (RFC 1184) and above.
const (
	firstCommand = 236
	se           = 240 // end of a subnegotiation
	dm           = 242 // data mark, urgent
	ip           = 244 // interrupt process
	sb           = 250 // start of a subnegotiation
	will         = 251
	wont         = 252
	do           = 253
	dont         = 254
	iac          = 255 // the next byte is a command
)

// maxSub bounds a subnegotiation in bytes; later bytes are data again.
const maxSub = 256

// telnet removes Telnet commands from a stream. The zero value is ready for a new
// stream.
type telnet struct {
	state  telnetState
	sub    uint16 // bytes of the current subnegotiation
	inLine bool   // the last byte kept was not LF
	wish   byte   // the current negotiation: will, wont, do or dont
	refuse []byte // answers that refuse the client's offers and requests
}

type telnetState uint8

const (
	inData telnetState = iota
	inCommand
	inOption
	inSub
	inSubCommand
)

// open reports whether a command has started and not ended.
func (t *telnet) open() bool { return t.state != inData }

// strip removes commands from p in place and returns how many bytes it kept.
func (t *telnet) strip(p []byte) int {
	n := 0
	for _, b := range p {
		plain := t.inLine && t.state == inData && b != iac // true for nearly all bytes
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
	// The IAC before DM or IP is lost if it was the urgent byte. No verb starts with
	// these bytes.
	return t.inLine || b != dm && b != ip
}

// command processes the byte after IAC. A byte that is not a command is data: then the
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

// negotiate refuses every option (RFC 1123, 4.1.2.12). A request to switch off an option
// needs no answer, because all options are off (RFC 854).
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
