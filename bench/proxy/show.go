package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// cost returns the microseconds of the proxy's core one request took.
func (m *measurement) cost() float64 { return m.CPU / float64(max(m.Requests, 1)) * 1e6 }

// rate returns the requests per second.
func (m *measurement) rate() float64 { return float64(m.Requests) / m.Seconds }

// show prints a table per load, the medians of all rounds.
func show(w io.Writer, r *results) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", r.Machine, r.Go)
	for _, name := range r.Missing {
		fmt.Fprintf(&b, "\n%s is not installed and was left out.\n", name)
	}
	for _, l := range loads {
		fmt.Fprintf(&b, "\n### %s\n\n| proxy | CPU us/request | requests/s | p50 | p99 | errors |\n|---|---|---|---|---|---|\n", l.name)
		for _, name := range r.proxies() {
			b.WriteString(row(name, r.of(name, l.name)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *results) proxies() []string {
	var names []string
	for _, m := range r.Rounds {
		if !slices.Contains(names, m.Proxy) {
			names = append(names, m.Proxy)
		}
	}
	return names
}

func (r *results) of(proxy, load string) []measurement {
	var some []measurement
	for _, m := range r.Rounds {
		if m.Proxy == proxy && m.Load == load {
			some = append(some, m)
		}
	}
	return some
}

// row tells the round with the median cost, so that its figures belong
// together; the errors are those of all rounds.
func row(name string, some []measurement) string {
	if len(some) == 0 {
		return ""
	}
	failed := int64(0)
	for _, m := range some {
		failed += m.Errors
	}
	slices.SortFunc(some, func(a, b measurement) int {
		if a.cost() < b.cost() {
			return -1
		}
		return 1
	})
	m := some[len(some)/2]
	return fmt.Sprintf("| %s | %.2f | %.0f | %s | %s | %d |\n", name, m.cost(), m.rate(), m.P50, m.P99, failed)
}
