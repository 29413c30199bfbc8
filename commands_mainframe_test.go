package paradise

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatMainframesSayIsTakenOrRefused(t *testing.T) {
	for line, code := range map[string]int{
		"FIXrecfm 80 LRECL=80 RECFM=FB BLKSIZE=27920": 200,
		"fixrecfm 80":                        200,
		"VARrecfm":                           200,
		"VAR LR=128 REC=VB BLK=6144":         200,
		"LRECL 80 RECFM FB":                  200,
		"LRECL = 80 BLKSIZE= 800":            200,
		"CYLINDERS PRIMARY=5 SECONDARY=5":    200,
		"TR PRI=1":                           200,
		"TRACKS UNIT=SYSDA VOLUME=(A, B)":    200,
		"WRAPRECORD TRUNCATE":                200,
		"NOWRAPRECORD NOTRUNCATE":            200,
		"NORDW":                              200,
		"RDW":                                504,
		"ASATRANS":                           504,
		"NOASATRANS":                         200,
		"JESLRECL=80 JESRECFM=F":             200,
		"FILETYPE=SEQ":                       200,
		"FILE=seq":                           200,
		"FILETYPE=JES":                       504,
		"FILETYPE=SQL":                       504,
		"FILETYPE JES":                       504,
		"DEST=USER1@NODE2":                   504,
		"UNIXFILETYPE=FIFO":                  504,
		"SBDATACONN=(IBM-1047,ISO8859-1)":    200,
		"SBDATACONN=(IBM-1047, ISO8859-1)":   200,
		"SBDATACONN=(IBM-037,IBM-850)":       200,
		"SBDATACONN=(IBM-1047,UTF-8)":        200,
		"SBDATACONN=*":                       200,
		"SBDATACONN=FTP_STANDARD_TABLE":      200,
		"SBDATACONN=(ISO8859-1,IBM-1047)":    504,
		"SBDATACONN=(IBM-1047,IBM-924)":      504,
		"SBDATACONN=(IBM-1047,IBM-8612)":     504,
		"SBDATACONN=MY.TABLES.TCPXLBIN":      504,
		"MBDATACONN=(IBM-1388,UTF-8)":        200,
		"MBDATACONN=(IBM-1388,UTF-16)":       504,
		"ENCODING=MBCS":                      200,
		"SBSENDEOL=CRLF":                     200,
		"SBSENDEOL=LF":                       504,
		"XLATE=*":                            200,
		"NAMEFMT 1":                          200,
		"NAMEFMT=1":                          200,
		"CRTCCSID 1208":                      200,
		"LRECL=80 NONSENSE=1 RECFM=FB":       504,
		"LRECL=80 FILETYPE=JES BLKSIZE=2000": 504,
	} {
		r, known := siteMainframe(line)
		assert.True(t, known, line)
		assert.Equal(t, code, r.code, line)
	}
	for _, line := range []string{"", "NONSENSE", "L=80", "NO", "NOLRECL", "LRECLS=80", "=80", "NONSENSE LRECL=80"} {
		_, known := siteMainframe(line)
		assert.False(t, known, line)
	}
}

// No word can be taken for two parameters, or for a SITE command.
func TestNamesOfMainframeParametersAreApart(t *testing.T) {
	table := protocolTable(t)
	for i := range siteParams {
		for name := range strings.FieldsSeq(siteParams[i].names) {
			least := strings.TrimRight(name, "abcdefghijklmnopqrstuvwxyz")
			for n := len(least); n <= len(name); n++ {
				p, _ := siteParamNamed(name[:n])
				assert.Same(t, &siteParams[i], p, name[:n])
				assert.NotContains(t, table.site, strings.ToUpper(name[:n]))
			}
		}
	}
}

func TestProtocolDocumentNamesEveryMainframeParameter(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("docs", "protocol.md"))
	require.NoError(t, err)
	for _, p := range siteParams {
		assert.Contains(t, string(text), "\n| "+p.names+" | ")
	}
}
