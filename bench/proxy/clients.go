package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// asker puts a load on whoever listens at an address.
type asker struct {
	load    load
	address string
	dir     string
}

// ask asks for a while, from the load's core.
func (a asker) ask(ctx context.Context, during time.Duration) (measurement, error) {
	args, read, err := a.command(during)
	if err != nil {
		return measurement{}, err
	}
	if args[0], err = exec.LookPath(args[0]); err != nil {
		return measurement{}, err
	}
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", strconv.Itoa(loadCore)}, args...)...) //nolint:gosec // the clients
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return measurement{}, fmt.Errorf("%s: %w: %s", filepath.Base(args[0]), err, out)
	}
	m := measurement{client: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()}
	return m, read(&m, string(out))
}

// command returns the client's words and how to read what it says.
func (a asker) command(during time.Duration) (args []string, read func(*measurement, string) error, err error) {
	l, seconds := a.load, strconv.Itoa(int(during.Seconds()))
	switch l.client {
	case byWrk:
		script := filepath.Join(a.dir, "load.lua")
		if err := os.WriteFile(script, []byte(l.script()), 0o600); err != nil {
			return nil, nil, err
		}
		return []string{"wrk", "-t", "1", "-c", strconv.Itoa(l.connections), "-d", seconds + "s", "--latency", "-s", script, a.url()},
			(*measurement).readWrk, nil
	case byH2load:
		return []string{
			"h2load", "-t", "1", "-c", strconv.Itoa(l.connections), "-m", strconv.Itoa(l.streams), "-D", seconds,
			"-H", "x-user: user-7", a.url(),
		}, (*measurement).readH2load, nil
	case openLoop, idling:
	}
	self, err := os.Executable()
	return []string{self, "-ask", l.name, "-address", a.address, "-for", seconds, "-dir", a.dir}, (*measurement).readOurs, err
}

func (a asker) url() string {
	if a.load.way == tls {
		return "https://" + a.address + a.load.path
	}
	return "http://" + a.address + a.load.path
}

// script lets wrk ask as one user after the other. Their requests are made
// beforehand.
func (l load) script() string {
	method, closing := "GET", ""
	if l.body > 0 {
		method = "POST"
	}
	if l.closing {
		closing = `wrk.headers["Connection"] = "close"`
	}
	return fmt.Sprintf(`%s
local body = %d > 0 and string.rep("x", %d) or nil
local requests, next = {}, 0
function init()
  for i = 1, %d do
    wrk.headers["X-User"] = "user-" .. i
    requests[i] = wrk.format(%q, nil, nil, body)
  end
end
function request()
  next = next %% #requests + 1
  return requests[next]
end
`, closing, l.body, l.body, l.users(), method)
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in ([\d.]+\w+),`)
	wrkStatus   = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
	wrkSocket   = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	wrkP50      = regexp.MustCompile(`50%\s+(\S+)`)
	wrkP99      = regexp.MustCompile(`99%\s+(\S+)`)
)

// readWrk takes the figures out of what wrk prints.
func (m *measurement) readWrk(text string) error {
	found := wrkRequests.FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("wrk says %q", text)
	}
	m.Requests, _ = strconv.ParseInt(found[1], 10, 64)
	m.Seconds = spanIn(found[2]).Seconds()
	for _, pattern := range []*regexp.Regexp{wrkStatus, wrkSocket} {
		if found := pattern.FindStringSubmatch(text); found != nil {
			for _, n := range found[1:] {
				k, _ := strconv.ParseInt(n, 10, 64)
				m.Errors += k
			}
		}
	}
	if found := wrkP50.FindStringSubmatch(text); found != nil {
		m.P50 = microseconds(spanIn(found[1]))
	}
	if found := wrkP99.FindStringSubmatch(text); found != nil {
		m.P99 = microseconds(spanIn(found[1]))
	}
	return nil
}

// spanIn reads a span as wrk writes it, 8.00s or 517.00us or 1.50m.
func spanIn(text string) time.Duration {
	d, _ := time.ParseDuration(text) // what is no span is 0, which the tables show as unknown
	return d
}

func microseconds(d time.Duration) float64 { return float64(d) / 1e3 }

var (
	h2Requests = regexp.MustCompile(`requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed`)
	h2Finished = regexp.MustCompile(`finished in ([\d.]+\w+), ([\d.]+) req/s`)
)

// readH2load takes the figures out of what h2load prints, which tells no
// percentiles.
func (m *measurement) readH2load(text string) error {
	requests, finished := h2Requests.FindStringSubmatch(text), h2Finished.FindStringSubmatch(text)
	if requests == nil || finished == nil {
		return fmt.Errorf("h2load says %q", text)
	}
	m.Requests, _ = strconv.ParseInt(requests[1], 10, 64)
	m.Errors, _ = strconv.ParseInt(requests[2], 10, 64)
	if m.Requests == 0 {
		return fmt.Errorf("no request came through: %q", text)
	}
	rate, _ := strconv.ParseFloat(finished[2], 64)
	m.Seconds = float64(m.Requests) / rate
	return nil
}

// readOurs reads what a client of ours has written.
func (m *measurement) readOurs(text string) error {
	var seen answered
	if err := json.Unmarshal([]byte(text), &seen); err != nil {
		return fmt.Errorf("the client says %q: %w", text, err)
	}
	m.Requests, m.Errors, m.P50, m.P99 = seen.Requests, seen.Errors, seen.P50, seen.P99
	return nil
}
