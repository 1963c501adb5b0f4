//go:build darwin || freebsd || (linux && (386 || s390x))

package proxy

import (
	"errors"
	"syscall"
)

// read reads what is there. An end is 0 without an error.
func read(fd uintptr, p []byte) (int, syscall.Errno) { return again(syscall.Read, fd, p) }

// write writes what there is room for.
func write(fd uintptr, p []byte) (int, syscall.Errno) { return again(syscall.Write, fd, p) }

// writeBoth writes what there is room for of a and then of b.
func writeBoth(fd uintptr, a, b []byte) (int, syscall.Errno) {
	n, errno := write(fd, a)
	if n < len(a) {
		return n, errno
	}
	k, errno := write(fd, b)
	if errno == syscall.EAGAIN {
		errno = 0
	}
	return n + k, errno
}

func again(call func(int, []byte) (int, error), fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, err := call(int(fd), p)
		var errno syscall.Errno
		if err != nil && !errors.As(err, &errno) {
			errno = syscall.EIO
		}
		if errno != syscall.EINTR {
			return max(n, 0), errno
		}
	}
}
