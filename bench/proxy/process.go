package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Which core is whose.
const (
	proxyCore = 0
	loadCore  = 1
)

// process is a program on one core until it is stopped.
type process struct {
	pid  int
	core int
	stop func()
}

// start runs a program on one core and waits until it listens. taskset becomes
// the program, so the process is the one to measure.
func start(ctx context.Context, p peer, core int) (process, error) {
	program, err := p.where()
	if err != nil {
		return process{}, err
	}
	args := append([]string{"-c", strconv.Itoa(core), program}, p.args...)
	cmd := exec.CommandContext(ctx, "taskset", args...) //nolint:gosec // the programs that are compared
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return process{}, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed; that is no news
		close(ended)
	}()
	one := process{pid: cmd.Process.Pid, core: core, stop: func() {
		_ = cmd.Process.Kill()
		<-ended
	}}
	for _, address := range p.addresses {
		if err := listening(ctx, address, ended); err != nil {
			one.stop()
			return process{}, err
		}
	}
	return one, nil
}

// where returns the file of the program.
func (p peer) where() (string, error) {
	if p.program == "" {
		return os.Executable()
	}
	return exec.LookPath(p.program)
}

func listening(ctx context.Context, address string, ended <-chan struct{}) error {
	var d net.Dialer
	var err error
	for range 200 {
		var c net.Conn
		if c, err = d.DialContext(ctx, "tcp", address); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			return errors.New("it has ended at once")
		case <-time.After(25 * time.Millisecond):
		}
	}
	return fmt.Errorf("nobody listens: %w", err)
}

// tick is the unit in which /proc tells times: the clock ticks a hundred times
// a second on every Linux that Go runs on.
const tick = 0.01

// cpu returns the seconds a process has run, from /proc/PID/stat.
func cpu(pid int) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // the name may have blanks
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is short", pid)
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	return (user + system) * tick, errors.Join(err1, err2)
}

// busy returns the seconds a core was not idle, what the hypervisor took of it
// included, from /proc/stat.
func busy(core int) (float64, error) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return busyIn(string(raw), core)
}

func busyIn(stat string, core int) (float64, error) {
	name := "cpu" + strconv.Itoa(core)
	for line := range strings.Lines(stat) {
		fields := strings.Fields(line)
		if len(fields) < 9 || fields[0] != name {
			continue
		}
		total := 0.0
		for _, i := range []int{1, 2, 3, 6, 7, 8} { // user, nice, system, irq, softirq, steal
			n, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return 0, fmt.Errorf("/proc/stat: %w", err)
			}
			total += n
		}
		return total * tick, nil
	}
	return 0, fmt.Errorf("/proc/stat knows no %s", name)
}

// memory returns the bytes of a process that are in memory.
func memory(pid int) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm is short", pid)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
