//go:build unix

package listen

import (
	"os"
	"syscall"
)

// closeOnExec keeps a descriptor that was inherited from being inherited again.
func closeOnExec(file *os.File) {
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { syscall.CloseOnExec(int(fd)) })
}
