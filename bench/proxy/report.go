package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is all that was measured, raw, and on what. It is what the files in
// results hold.
type report struct {
	Date    string `json:"date"` // UTC
	Note    string `json:"note,omitempty"`
	Machine string `json:"machine"`
	Kernel  string `json:"kernel"`
	Go      string `json:"go"`
	// Versions are what programs say of themselves, by the proxy's name or the
	// client's.
	Versions map[string]string `json:"versions"`
	Missing  []string          `json:"missing,omitempty"` // proxies that are not installed
	Rounds   []measurement     `json:"rounds"`
}

// measurement is one proxy under one load for a while.
type measurement struct {
	Round    int     `json:"round"` // from 0; those of one round were made within minutes
	Proxy    string  `json:"proxy"`
	Load     string  `json:"load"` // its short name
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"`       // answers other than 2xx and 3xx, and connections that failed
	Seconds  float64 `json:"seconds"`      // that the requests took
	CPU      float64 `json:"cpu_seconds"`  // of the proxy, user and system; of the origin, asked directly
	P50      float64 `json:"p50_us"`       // 0 where the client does not tell
	P99      float64 `json:"p99_us"`       // the same
	Memory   int64   `json:"memory_bytes"` // of the proxy, resident, afterwards
	Others   float64 `json:"others"`       // share of a core that somebody else took, the worse of both
	Tries    int     `json:"tries"`        // until it was undisturbed
	// PerConnection is what one idle connection takes of the proxy's memory.
	PerConnection float64 `json:"bytes_per_connection,omitempty"`

	client float64 // seconds of CPU
}

// cost returns the microseconds of the proxy's core one request took.
func (m *measurement) cost() float64 { return m.CPU / float64(max(m.Requests, 1)) * 1e6 }

// rate returns the requests per second.
func (m *measurement) rate() float64 { return float64(m.Requests) / max(m.Seconds, 1e-9) }

// line is a measurement for whoever watches.
func (m *measurement) line() string {
	if m.PerConnection > 0 {
		return fmt.Sprintf("%s, %s: %.0f bytes a connection", m.Load, m.Proxy, m.PerConnection)
	}
	return fmt.Sprintf("%s, %s: %.2f us, %.0f/s, p50 %.0f us, p99 %.0f us, %d errors, %d tries",
		m.Load, m.Proxy, m.cost(), m.rate(), m.P50, m.P99, m.Errors, m.Tries)
}

func newReport(now time.Time, note string, all []peer) *report {
	r := &report{
		Date: now.UTC().Format(time.DateOnly), Note: note, Machine: machine(), Kernel: firstLine("uname", "-sr"),
		Go: runtime.Version(), Versions: make(map[string]string),
	}
	for _, p := range all {
		if len(p.version) > 0 {
			r.tell(p.name, firstLine(p.program, p.version...))
		}
	}
	r.tell("wrk", firstLine("wrk", "-v"))
	r.tell("h2load", firstLine("h2load", "--version"))
	return r
}

func (r *report) tell(name, version string) {
	if version != "" {
		r.Versions[name] = version
	}
}

// firstLine is the first thing a program says, nothing where it is missing.
func firstLine(program string, args ...string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, path, args...).CombinedOutput() //nolint:gosec // wrk says its version and fails
	line, _, _ := strings.Cut(string(out), "\n")
	line, _, _ = strings.Cut(line, " Copyright")
	return strings.TrimSpace(line)
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

func (r *report) miss(name string, err error) {
	line := fmt.Sprintf("%s: %v", name, err)
	if !slices.Contains(r.Missing, line) {
		r.Missing = append(r.Missing, line)
	}
}

// save keeps what is known so far. No name keeps nothing.
func (r *report) save(file string) error {
	if file == "" {
		return nil
	}
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil { //nolint:gosec // results are for everybody to read
		return fmt.Errorf("keep results: %w", err)
	}
	return nil
}

// readAll reads results in the order of their names. All of a load is taken
// from the last file that has it, so that its rounds belong together.
func readAll(files []string) (*report, error) {
	all := &report{Versions: make(map[string]string)}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the results: %w", err)
		}
		var one report
		if err := json.Unmarshal(raw, &one); err != nil {
			return nil, fmt.Errorf("read the results in %s: %w", file, err)
		}
		all.take(one)
	}
	return all, nil
}

// take puts newer results in the place of older ones.
func (r *report) take(newer report) {
	old := slices.DeleteFunc(r.Rounds, func(m measurement) bool {
		return slices.ContainsFunc(newer.Rounds, func(n measurement) bool { return n.Load == m.Load })
	})
	for name, version := range r.Versions {
		if newer.Versions[name] == "" {
			newer.tell(name, version)
		}
	}
	newer.Rounds = append(old, newer.Rounds...)
	*r = newer
}
