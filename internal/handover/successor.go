//go:build unix

package handover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/listen"
)

// Signals ask a process to let a new one take its place.
var Signals = []os.Signal{syscall.SIGUSR2}

// The times a new process may take.
const (
	prepareTime = time.Minute // to read the configuration and to bind
	takeTime    = time.Minute // to open the store, to probe, to serve
)

// Successor is the process that takes the place of this one.
type Successor struct {
	line    *line
	process *os.Process
	ended   chan struct{}
}

// Begin starts a program with copies of the sockets, and waits until it is
// prepared. When it is not, it is ended.
func Begin(ctx context.Context, program string, args []string, sockets []listen.Socket, files []*os.File) (*Successor, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(sockets)
	if err != nil {
		return nil, errors.Join(err, ours.Close(), theirs.Close())
	}
	pid, err := fork(program, args, append([]*os.File{os.Stdin, os.Stdout, os.Stderr, theirs}, files...), variable+"="+string(text))
	_ = theirs.Close() // the end of the new process is the end of the line
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", program, err), ours.Close())
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	s := &Successor{line: newLine(ours), process: process, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		_, _ = process.Wait()
	}()
	ctx, cancel := context.WithTimeout(ctx, prepareTime)
	defer cancel()
	if _, err := s.line.expect(ctx, prepared); err != nil {
		s.End()
		return nil, err
	}
	return s, nil
}

// pair makes the line.
func pair() (ours net.Conn, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("make a line to the new process: %w", err)
	}
	file := os.NewFile(uintptr(ends[0]), "handover")
	defer func() { _ = file.Close() }()
	theirs = os.NewFile(uintptr(ends[1]), "handover")
	if ours, err = net.FileConn(file); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// fork starts a program with descriptors. It does not go through os/exec, which
// would make the sockets block, and they are the sockets of this process too.
func fork(program string, args []string, files []*os.File, env ...string) (pid int, err error) {
	descriptors := make([]uintptr, 0, len(files))
	for _, f := range files {
		raw, err := f.SyscallConn()
		if err != nil {
			return 0, err
		}
		if err := raw.Control(func(fd uintptr) { descriptors = append(descriptors, fd) }); err != nil {
			return 0, err
		}
	}
	return syscall.ForkExec(program, append([]string{program}, args...), &syscall.ProcAttr{
		Env: append(os.Environ(), env...), Files: descriptors,
	})
}

// Yield tells the new process that nothing is decided here any more and what is
// in force, and waits until it serves. What it brings into force meanwhile is
// applied here.
func (s *Successor) Yield(ctx context.Context, splits []stagger.Split, apply func(context.Context, stagger.Split) error) error {
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	if err := s.line.say(message{Word: yours, Splits: splits}); err != nil {
		return err
	}
	for {
		m, err := s.line.hear(ctx)
		switch {
		case err != nil:
			return err
		case m.Word == ready:
			return nil
		case m.Word != split:
			return unexpected(m, ready)
		}
		if err := s.follow(ctx, m, apply); err != nil {
			return err
		}
	}
}

// PID returns the process id of the new process.
func (s *Successor) PID() int { return s.process.Pid }

// Follow brings into force here what the new process brings into force there,
// until ctx ends.
func (s *Successor) Follow(ctx context.Context, apply func(context.Context, stagger.Split) error) {
	defer func() { _ = s.line.conn.Close() }()
	for {
		m, err := s.line.hear(ctx)
		if err != nil || s.follow(ctx, m, apply) != nil {
			return
		}
	}
}

func (s *Successor) follow(ctx context.Context, m message, apply func(context.Context, stagger.Split) error) error {
	for _, one := range m.Splits {
		// A version that is not known here cannot be met here.
		_ = apply(ctx, one)
	}
	return s.line.say(message{Word: done})
}

// End ends a new process that is not wanted any more.
func (s *Successor) End() {
	_ = s.process.Kill()
	<-s.ended
	_ = s.line.conn.Close()
}
