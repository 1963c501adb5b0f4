package main

import (
	"errors"
	"net"
	"syscall"
	"unsafe"
)

// The origin and our clients are one thread with its own event loop: what they
// take of the load's core is not there for anybody else.

// poller waits for many descriptors at once.
type poller struct {
	fd     int
	events [256]syscall.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &poller{fd: fd}, err
}

// watch waits for a descriptor to be readable, or to be writable instead.
func (p *poller) watch(fd int, operation int, events uint32) error {
	return syscall.EpollCtl(p.fd, operation, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

// wait returns what is ready; milliseconds of -1 wait for as long as it takes.
func (p *poller) wait(milliseconds int) ([]syscall.EpollEvent, error) {
	n, err := syscall.EpollWait(p.fd, p.events[:], milliseconds)
	if errors.Is(err, syscall.EINTR) {
		return nil, nil
	}
	return p.events[:max(n, 0)], err
}

// socketAt makes a socket and the address to bind or connect it to.
func socketAt(address string) (int, *syscall.SockaddrInet4, error) {
	a, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return 0, nil, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, err
	}
	to := &syscall.SockaddrInet4{Port: a.Port}
	copy(to.Addr[:], a.IP.To4())
	return fd, to, nil
}

// listenAt takes an address.
func listenAt(address string) (int, error) {
	fd, at, err := socketAt(address)
	if err != nil {
		return 0, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := syscall.Bind(fd, at); err != nil {
		return 0, err
	}
	return fd, errors.Join(syscall.Listen(fd, 4096), syscall.SetNonblock(fd, true))
}

// connectTo returns a connection that does not block.
func connectTo(address string) (int, error) {
	fd, to, err := socketAt(address)
	if err != nil {
		return 0, err
	}
	if err := syscall.Connect(fd, to); err != nil {
		return 0, errors.Join(err, syscall.Close(fd))
	}
	return fd, errors.Join(prompt(fd), syscall.SetNonblock(fd, true))
}

// prompt lets small pieces go out at once.
func prompt(fd int) error {
	return syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
}

// alarm is a descriptor that becomes readable at a time: the timeout of
// epoll_wait is in milliseconds, which is too coarse for arrivals.
type alarm int

func newAlarm() (alarm, error) {
	const monotonic = 1
	fd, _, no := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, monotonic, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if no != 0 {
		return 0, no
	}
	return alarm(fd), nil
}

// ring makes it ring in so many nanoseconds.
func (a alarm) ring(in int64) error {
	spec := [2]syscall.Timespec{1: syscall.NsecToTimespec(max(in, 1))}
	_, _, no := syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, uintptr(a), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0) //nolint:gosec // the kernel reads it before it returns
	if no != 0 {
		return no
	}
	return nil
}

// openFiles lets this process and those it starts open many connections, as far
// as it may.
func openFiles() {
	const enough = 20_000
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: enough, Max: enough})
}
