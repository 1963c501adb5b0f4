//go:build linux && !386 && !s390x

package proxy

import (
	"syscall"
	"unsafe"
)

// Connections never block, so these calls are short: they go to the kernel
// without telling the scheduler, which would cost more than it could win. They
// are those of sockets, as read and write ask around in the file system first.

// read reads what is there. An end is 0 without an error.
func read(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0) //nolint:gosec // p lives until the call is over
		if errno != syscall.EINTR {
			return moved(n, errno), errno
		}
	}
}

// write writes what there is room for.
func write(fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd,
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0) //nolint:gosec // p lives until the call is over
		if errno != syscall.EINTR {
			return moved(n, errno), errno
		}
	}
}

// writeBoth writes what there is room for of a and then of b. Neither is empty.
func writeBoth(fd uintptr, a, b []byte) (int, syscall.Errno) {
	both := [2]syscall.Iovec{{Base: &a[0]}, {Base: &b[0]}}
	both[0].SetLen(len(a))
	both[1].SetLen(len(b))
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd,
			uintptr(unsafe.Pointer(&both)), uintptr(len(both))) //nolint:gosec // both lives until the call is over
		if errno != syscall.EINTR {
			return moved(n, errno), errno
		}
	}
}

func moved(n uintptr, errno syscall.Errno) int {
	if errno != 0 {
		return 0
	}
	return int(n)
}
