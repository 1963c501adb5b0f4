//go:build linux || darwin || freebsd

package proxy

import (
	"errors"
	"syscall"
)

// ownPath tells that connections can be looked at without being read, which the
// proxy's own path needs.
const ownPath = true

// peek looks whether something could be read of a connection, without reading
// it: silent means nothing could, ended that the peer has closed it.
func peek(raw syscall.RawConn) (silent, ended bool) {
	err := raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
		ended = !silent && n <= 0
	})
	return silent, ended || err != nil
}

// hasEnded says whether the peer has closed its side.
func hasEnded(raw syscall.RawConn) bool {
	_, ended := peek(raw)
	return ended
}

// isSilent says whether a connection that should be idle is.
func isSilent(raw syscall.RawConn) bool {
	silent, ended := peek(raw)
	return silent && !ended
}
