package load

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm is a timer of the kernel that is read like a file, and so wakes its
// reader through the poller of the network, which tells at once.
type alarm struct {
	file *os.File
	fd   int
}

// newAlarm returns nil when there is none to be had.
func newAlarm() *alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	return &alarm{file: os.NewFile(uintptr(fd), "alarm"), fd: fd}
}

func (a *alarm) close() { _ = a.file.Close() }

// wait says whether it has waited for d, more than nothing.
func (a *alarm) wait(d time.Duration) bool {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	if unix.TimerfdSettime(a.fd, 0, &spec, nil) != nil {
		return false
	}
	var times [8]byte
	_, err := a.file.Read(times[:])
	return err == nil
}
