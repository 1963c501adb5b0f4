//go:build !linux && !darwin && !freebsd

package listen

import (
	"net"

	"github.com/stagger-dev/stagger/internal/whence"
)

// listenTo reads the preface of a connection.
func listenTo(c net.Conn) (p whence.Preface, rest []byte, at whence.Progress, err error) {
	return overhear(c)
}
