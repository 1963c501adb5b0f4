package proxy

import (
	"net"
	"syscall"

	"github.com/stagger-dev/stagger/internal/upstream"
)

// link is a connection to an upstream. At most one courier has it.
type link = upstream.Link

// rawOf returns what peeking needs.
func rawOf(c net.Conn) (syscall.RawConn, error) {
	own, ok := c.(syscall.Conn)
	if !ok {
		return nil, syscall.EINVAL
	}
	return own.SyscallConn()
}
