//go:build !unix

package paradisetest

import (
	"io"
	"net"
)

// sendUrgent sends p in line, where urgent data cannot be sent.
func sendUrgent(nc net.Conn, p []byte) error {
	_, err := nc.Write(p)
	if err == io.EOF {
		return nil
	}
	return err
}
