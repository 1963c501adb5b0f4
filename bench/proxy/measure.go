package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// load is what wrk asks for.
type load struct {
	name        string
	path        string
	connections int
	script      string // for wrk, in Lua
}

var loads = []load{
	{name: "GET 1 KB, 64 connections", path: "/1024", connections: 64},
	{name: "GET 64 KB, 64 connections", path: "/65536", connections: 64},
	{name: "POST 10 KB, 64 connections", path: "/1024", connections: 64, script: `wrk.method = "POST"; wrk.body = string.rep("x", 10240)`},
	{name: "GET 1 KB, 1 000 connections", path: "/1024", connections: 1000},
	{name: "GET 1 KB, a connection each", path: "/1024", connections: 64, script: `wrk.headers["Connection"] = "close"`},
}

// results is what was measured, and where.
type results struct {
	Machine string
	Go      string
	Missing []string
	Rounds  []measurement
}

// measurement is one proxy under one load for a while.
type measurement struct {
	Round    int
	Proxy    string
	Load     string
	Requests int64
	Errors   int64
	Seconds  float64 // of the load
	CPU      float64 // seconds of the proxy, user and system
	P50, P99 string  // as wrk tells them
}

// measure runs every proxy under every load, one round after the other.
func measure(ctx context.Context, rounds int, each time.Duration, log io.Writer) (*results, error) {
	dir, err := os.MkdirTemp("", "bench-proxy-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	all, err := peers(dir)
	if err != nil {
		return nil, err
	}
	stop, _, err := start(ctx, peer{name: "origin", address: originAddress, args: []string{"-serve", "origin", "-listen", originAddress}}, 1)
	if err != nil {
		return nil, err
	}
	defer stop()
	r := &results{Machine: machine(), Go: runtime.Version()}
	for round := range rounds {
		for _, p := range all {
			switch err := r.measureOne(ctx, p, dir, round, each, log); {
			case errors.Is(err, exec.ErrNotFound):
				if round == 0 {
					r.Missing = append(r.Missing, p.name)
				}
			case err != nil:
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return r, nil
}

// measureOne starts a proxy, puts every load on it and stops it again.
func (r *results) measureOne(ctx context.Context, p peer, dir string, round int, each time.Duration, log io.Writer) error {
	stop, pid, err := start(ctx, p, 0)
	if err != nil {
		return err
	}
	defer stop()
	for _, l := range loads {
		m, err := drive(ctx, p, pid, l, dir, each)
		if err != nil {
			return err
		}
		m.Round = round
		r.Rounds = append(r.Rounds, m)
		_, _ = fmt.Fprintf(log, "round %d, %s, %s: %.2f us, %.0f/s, %d errors\n", round+1, p.name, l.name,
			m.cost(), m.rate(), m.Errors)
	}
	return nil
}

// start runs a program on one core until it is stopped, and waits until it
// listens. taskset becomes the program, so the process is the one to measure.
func start(ctx context.Context, p peer, core int) (stop func(), pid int, err error) {
	program := p.program
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return nil, 0, err
		}
	} else if program, err = exec.LookPath(program); err != nil {
		return nil, 0, err
	}
	args := append([]string{"-c", strconv.Itoa(core), program}, p.args...)
	cmd := exec.CommandContext(ctx, "taskset", args...) //nolint:gosec // the programs that are compared
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, 0, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if err := listening(ctx, p.address); err != nil {
		stop()
		return nil, 0, err
	}
	return stop, cmd.Process.Pid, nil
}

func listening(ctx context.Context, address string) error {
	var d net.Dialer
	var err error
	for range 100 {
		var c net.Conn
		if c, err = d.DialContext(ctx, "tcp", address); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("nobody listens: %w", err)
}

// drive puts one load on a proxy: a moment to warm up, then the measurement.
func drive(ctx context.Context, p peer, pid int, l load, dir string, each time.Duration) (measurement, error) {
	m := measurement{Proxy: p.name, Load: l.name}
	script := ""
	if l.script != "" {
		script = filepath.Join(dir, "load.lua")
		if err := os.WriteFile(script, []byte(l.script), 0o600); err != nil {
			return m, err
		}
	}
	if _, err := wrk(ctx, p, l, script, time.Second); err != nil {
		return m, err
	}
	before, err := cpu(pid)
	if err != nil {
		return m, err
	}
	begin := time.Now()
	text, err := wrk(ctx, p, l, script, each)
	if err != nil {
		return m, err
	}
	m.Seconds = time.Since(begin).Seconds()
	after, err := cpu(pid)
	if err != nil {
		return m, err
	}
	m.CPU = after - before
	return m, m.read(text)
}

func wrk(ctx context.Context, p peer, l load, script string, each time.Duration) (string, error) {
	args := []string{"-c", "1", "wrk", "-t", "1", "-c", strconv.Itoa(l.connections), "-d", fmt.Sprintf("%ds", int(each.Seconds())), "--latency"}
	if script != "" {
		args = append(args, "-s", script)
	}
	args = append(args, "http://"+p.address+l.path)
	out, err := exec.CommandContext(ctx, "taskset", args...).CombinedOutput() //nolint:gosec // the load
	if err != nil {
		return "", fmt.Errorf("wrk: %w: %s", err, out)
	}
	return string(out), nil
}

var (
	requestsIn = regexp.MustCompile(`(\d+) requests in`)
	statusIn   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	socketIn   = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	p50In      = regexp.MustCompile(`50%\s+(\S+)`)
	p99In      = regexp.MustCompile(`99%\s+(\S+)`)
)

// read takes the figures out of what wrk prints.
func (m *measurement) read(text string) error {
	found := requestsIn.FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("wrk says %q", text)
	}
	m.Requests, _ = strconv.ParseInt(found[1], 10, 64)
	for _, pattern := range []*regexp.Regexp{statusIn, socketIn} {
		if found := pattern.FindStringSubmatch(text); found != nil {
			for _, n := range found[1:] {
				k, _ := strconv.ParseInt(n, 10, 64)
				m.Errors += k
			}
		}
	}
	if found := p50In.FindStringSubmatch(text); found != nil {
		m.P50 = found[1]
	}
	if found := p99In.FindStringSubmatch(text); found != nil {
		m.P99 = found[1]
	}
	return nil
}

// cpu returns the seconds a process has run, from /proc/PID/stat: the clock
// ticks a hundred times a second on every Linux that Go runs on.
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
	return (user + system) / 100, errors.Join(err1, err2)
}

// machine says what this was measured on.
func machine() string {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(raw)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return fmt.Sprintf("%s, %d cores", strings.Trim(name, "\t :\n"), runtime.NumCPU())
		}
	}
	return runtime.GOARCH
}
