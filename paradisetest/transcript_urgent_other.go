//go:build !unix

package paradisetest

import (
	"io"
	"net"
)

// sendUrgent sends p as ordinary data: urgent data is implemented for Unix only.
func sendUrgent(nc net.Conn, p []byte) error {
	_, err := nc.Write(p)
	if err == io.EOF {
		return nil
	}
	return err
}
