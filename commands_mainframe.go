package paradise

import (
	"slices"
	"strings"
)

// siteParam describes parameters of SITE by which z/OS and IBM i speak of the storage
// that they take us for. Several may stand in one line.
type siteParam struct {
	names string   // in IBM's notation: what is in upper case is enough
	not   bool     // NO may stand before them
	takes []string // values that change nothing; nil: all do not, "code page": those of pages that contain ASCII
	yes   string   // why they are refused without NO
	why   string   // why other values are refused
}

// siteParams are taken where only a mainframe's storage would heed them, and refused
// where bytes would be stored or sent that are not what the client believes them to
// be. z/OS goes on after a refusal, and tells of it.
var siteParams = []siteParam{
	{names: "BLKsize BLOCKSIze LRecl RECfm FIXrecfm VARrecfm DCbdsn DSNTYPE EATTR PDSTYPE"},
	{names: "BLocks CYlinders TRacks PRImary SECondary DIrectory BUfno UCOUNT VCOUNT"},
	{names: "Unit VOLume DATAClass MGmtclass STOrclass MIGratevol RETpd CONDdisp CHKptint"},
	{names: "AUTOMount AUTORecall AUTOTapemount TAPEREADSTREAM WRTAPEFastio ISPFStats", not: true},
	{names: "READTAPEFormat SPRead SQLCol DB2 DEBug DUmp"},
	{names: "TRAILingblanks TRUNcate WRAPrecord DATASetmode DIRECTORYMode QUOtesoverride LISTSUBdir", not: true},
	{names: "LISTLEVEL DSWAITTIME DSWAITTIMEREPLY DATAKEEPALIVE FTPKEEPALIVE INACTTIME FIFOIOTIME FIFOOPENTIME"},
	{names: "JESLrecl JESRecfm JESOwner JESJOBName JESSTatus JESENTRYLimit JESGETBYDSN JESINTERFACElevel"},
	{names: "ENcoding UCSHOSTCS SBSUBCHAR"},
	{names: "UCSSUB UCSTRUNC SBSUB EXTDBSCHINESE MBREQUIRELASTEOL", not: true},
	{names: "NAMEFMT LISTFMT TRIM CRTCCSID NULLFLDS"}, // IBM i
	{names: "FILEtype", takes: []string{"SEQ"}, why: "Files are stored here, not run as jobs or queries"},
	{names: "SBDataconn MBDataconn XLate CTRLConn", takes: []string{"code page"},
		why: "Bytes are stored as they come: use a network code page that contains ASCII"},
	{names: "SBSENDEOL MBSENDEOL", takes: []string{"CRLF"}, why: "Lines of text end with CRLF on the wire"},
	{names: "UNICODEFILESYSTEMBOM", takes: []string{"ASIS"}, why: "Bytes are stored as they come: use ASIS"},
	{names: "UNIXFILETYPE", takes: []string{"FILE"}, why: "Files are stored here, not pipes"},
	{names: "RDW", not: true, yes: "Record descriptor words would be stored as data: use NORDW"},
	{names: "ASAtrans", not: true, yes: "Carriage control is not converted: use NOASATRANS"},
	{names: "DESt", takes: []string{}, why: "Files are stored here, not sent on"},
}

// siteMainframe answers a line of such parameters; false: its first word is none.
func siteMainframe(line string) (reply, bool) {
	words := strings.Fields(strings.NewReplacer(" = ", "=", " =", "=", "= ", "=", ", ", ",").Replace(line))
	for i := 0; i < len(words); i++ {
		key, value, valued := strings.Cut(words[i], "=")
		p, no := siteParamNamed(key)
		if p == nil && i == 0 {
			return reply{}, false
		}
		if p == nil {
			return say(504, "A parameter is not known here, none was heeded"), true
		}
		if !valued && i+1 < len(words) && !isSiteParam(words[i+1]) {
			i++
			value = words[i]
		}
		if why := p.refusal(strings.ToUpper(value), no); why != "" {
			return say(504, why), true
		}
	}
	return say(200, "Noted and ignored"), len(words) > 0
}

func isSiteParam(word string) bool {
	key, _, _ := strings.Cut(word, "=")
	p, _ := siteParamNamed(key)
	return p != nil
}

// siteParamNamed finds a parameter by its name, or the beginning that is enough; no
// says that NO stood before it.
func siteParamNamed(key string) (p *siteParam, no bool) {
	key = strings.ToUpper(key)
	negated, no := strings.CutPrefix(key, "NO")
	for i := range siteParams {
		p := &siteParams[i]
		for name := range strings.FieldsSeq(p.names) {
			switch {
			case abbreviates(key, name):
				return p, false
			case no && p.not && abbreviates(negated, name):
				return p, true
			}
		}
	}
	return nil, false
}

// abbreviates reports whether key is a beginning of name that has at least what is in
// upper case there.
func abbreviates(key, name string) bool {
	least := strings.IndexFunc(name, func(r rune) bool { return 'a' <= r && r <= 'z' })
	if least < 0 {
		least = len(name)
	}
	return len(key) >= least && strings.HasPrefix(strings.ToUpper(name), key)
}

// refusal is why the parameter is not taken, empty if it is. Without a value it takes
// its default back.
func (p *siteParam) refusal(value string, no bool) string {
	switch {
	case p.yes != "" && !no:
		return p.yes
	case p.takes == nil || slices.Contains(p.takes, value):
		return ""
	case value == "" && len(p.takes) > 0, slices.Contains(p.takes, "code page") && containsASCII(value):
		return ""
	}
	return p.why
}

// asciiPages are code pages whose first 128 characters are those of ASCII. Others of
// IBM's are EBCDIC, or wide.
const asciiPages = " * FTP_STANDARD_TABLE 7BIT ASCII US-ASCII UTF-8 " +
	"IBM-437 IBM-813 IBM-819 IBM-850 IBM-852 IBM-855 IBM-857 IBM-858 IBM-860 IBM-861 IBM-862 IBM-863 IBM-865 " +
	"IBM-866 IBM-869 IBM-874 IBM-912 IBM-914 IBM-915 IBM-916 IBM-920 IBM-921 IBM-922 " +
	"IBM-923 IBM-1208 IBM-1250 IBM-1251 IBM-1252 IBM-1253 IBM-1254 IBM-1255 IBM-1256 IBM-1257 IBM-1258 IBM-5348 "

// containsASCII takes "(page of the files,page of the network)" or one page: that of
// the network is on the wire, and is what we store.
func containsASCII(value string) bool {
	if pair, ok := strings.CutPrefix(value, "("); ok {
		_, value, _ = strings.Cut(strings.TrimSuffix(pair, ")"), ",")
	}
	return strings.HasPrefix(value, "ISO8859-") || strings.HasPrefix(value, "WINDOWS-125") ||
		value != "" && strings.Contains(asciiPages, " "+value+" ")
}
