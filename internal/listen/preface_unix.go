//go:build linux || darwin || freebsd

package listen

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/stagger-dev/stagger/internal/whence"
)

// listenTo reads the preface of a connection and not a byte more: it looks at
// what has come without taking it, until it knows.
func listenTo(c net.Conn) (p whence.Preface, rest []byte, at whence.Progress, err error) {
	own, ok := c.(syscall.Conn)
	if !ok {
		return overhear(c)
	}
	raw, err := own.SyscallConn()
	if err != nil {
		return p, nil, at, err
	}
	buffer, size := make([]byte, whence.MaxPreface), 0
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		n, err := peek(int(fd), buffer)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			return false
		case err != nil:
			failed = err
			return true
		case n == 0:
			failed = io.ErrUnexpectedEOF
			return true
		}
		p, size, at = whence.ParsePreface(buffer[:n])
		return at != whence.Partial // the kernel tells when more has come
	})
	if err == nil {
		err = failed
	}
	if err == nil && size > 0 {
		_, err = io.ReadFull(c, buffer[:size])
	}
	return p, nil, at, err
}

func peek(fd int, buffer []byte) (n int, err error) {
	for {
		if n, _, err = syscall.Recvfrom(fd, buffer, syscall.MSG_PEEK); !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
