package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli/live"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/load"
	"github.com/stagger-dev/stagger/internal/present"
)

// writeLoad tells people what came of a load.
func (s *session) writeLoad(j load.Job, r load.Report) error {
	y := s.style()
	w := loadWriter{style: y}
	w.summary(j, r)
	w.latencies(r)
	w.bars(r.Latency.Histogram)
	w.own(r)
	w.limits(r)
	return s.print("%s", &w.b)
}

// loadWriter writes the report of a load, part by part.
type loadWriter struct {
	style live.Style
	b     strings.Builder
}

func (w *loadWriter) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

func (w *loadWriter) summary(j load.Job, r load.Report) {
	w.line("%s: %s requests in %s, %s/s of %s/s that were due", strings.Join(j.Scenario.Targets, ", "), present.Count(r.Ended),
		present.Span(time.Duration(r.Seconds*float64(time.Second))), present.Rate(r.Reached), present.Rate(r.Wished))
	w.line("answers  %s", counts(r.Statuses))
	failed := w.style.Tone(present.Good, "none")
	if r.Failed > 0 {
		failed = w.style.Tone(present.Bad, present.Count(r.Failed)) + ", " + present.Share(share(r.Failed, r.Ended)) + ": " + counts(r.Failures)
	}
	w.line("failed   %s", failed)
	if r.Dropped > 0 {
		w.line("not made %s, as %d were in flight already; to users they failed", w.style.Tone(present.Warn, present.Count(r.Dropped)), j.Scenario.InFlight)
	}
	if r.Cut > 0 {
		w.line("cut off  %s at the end", present.Count(r.Cut))
	}
}

// counts lists how often things were, the most frequent first.
func counts(of map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b)) })
	if len(names) == 0 {
		return "none"
	}
	for i, name := range names {
		names[i] = name + " × " + present.Count(of[name])
	}
	return strings.Join(names, ", ")
}

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// latencies is a table of all requests, and of their parts where there are some.
func (w *loadWriter) latencies(r load.Report) {
	var t table
	t.add("latency", "requests", "failed", "p50", "p90", "p99", "p99.9", "max")
	t.add(latencyRow("all", load.Row{Ended: r.Ended, Failed: r.Failed, Latency: r.Latency})...)
	for _, rows := range [][]load.Row{r.Versions, r.Requests, r.Pairs} {
		if len(rows) < 2 {
			continue
		}
		for _, row := range rows {
			t.add(latencyRow("  "+rowName(row), row)...)
		}
	}
	w.line("\n%s", strings.TrimRight(t.String(), "\n"))
	w.line("%s", w.style.Dim("Latency counts from when a request was due, as its user feels it."))
}

func rowName(r load.Row) string {
	switch {
	case r.Request != "" && r.Version != "":
		return r.Request + " @ " + r.Version
	case r.Request != "":
		return r.Request
	}
	return cmp.Or(r.Version, "no version")
}

func latencyRow(name string, r load.Row) []string {
	l := r.Latency
	return []string{
		name, present.Count(r.Ended), present.Share(r.ErrorShare()), present.Latency(l.P50), present.Latency(l.P90),
		present.Latency(l.P99), present.Latency(l.P999), present.Latency(l.Max),
	}
}

// The shape of the bars: at most so many, each so wide.
const (
	mostBars = 14
	barWidth = 40
)

// bars draws how latencies are spread.
func (w *loadWriter) bars(h stagger.Histogram) {
	total := h.Count()
	if total == 0 {
		return
	}
	first, last := h.Buckets[0].Index, h.Buckets[len(h.Buckets)-1].Index
	step := int32(8)
	for last/step-first/step >= mostBars {
		step *= 2
	}
	sums, most := make(map[int32]uint64), uint64(0)
	// A group of buckets ends at a multiple of the step.
	place := func(index int32) int32 { return -(-index / step) * step }
	if first > 0 {
		place = func(index int32) int32 { return (index + step - 1) / step * step }
	}
	for _, b := range h.Buckets {
		at := place(b.Index)
		sums[at] += b.Count
		most = max(most, sums[at])
	}
	var t table
	for at := place(first); at <= place(last); at += step {
		n := sums[at]
		t.add(present.Latency(histogram.Upper(at)), w.style.Gauge(present.Live, float64(n)/float64(most), barWidth), present.Share(share(n, total)))
	}
	w.line("\n%s", strings.TrimRight(t.String(), "\n"))
}

// own tells what of all this is the load's own doing.
func (w *loadWriter) own(r load.Report) {
	late := fmt.Sprintf("The load was late by %s at p50, %s at p99", present.Latency(r.Late.P50), present.Latency(r.Late.P99))
	if r.Load.CPU > 0 {
		late += fmt.Sprintf(", and took %s of processor a request, %.2f cores", present.Latency(r.Load.PerRequest), r.Load.Cores)
	}
	w.line("\n%s.", late)
	w.line("From when they were made, requests took %s at p50, %s at p99.", present.Latency(r.Service.P50), present.Latency(r.Service.P99))
	if r.IsLate() {
		w.line("%s", w.style.Tone(present.Warn, "! The load itself was late: do not blame the target for all of the latency. Lower the rate, or give the load a machine of its own."))
	}
}

func (w *loadWriter) limits(r load.Report) {
	if len(r.Limits) > 0 {
		w.line("")
	}
	for _, l := range r.Limits {
		value := present.Share(l.Value)
		if strings.HasPrefix(l.Limit, "p") {
			value = present.Latency(l.Value)
		}
		sign := present.Sign{Symbol: "✔", Words: l.Limit + ": " + value, Tone: present.Good}
		if !l.Kept {
			sign.Symbol, sign.Tone = "✘", present.Bad
		}
		w.line("%s", w.style.Sign(sign))
	}
	if r.Stopped != "" {
		w.line("%s", w.style.Sign(present.Sign{Symbol: "✘", Words: "given up: " + r.Stopped, Tone: present.Bad}))
	}
}
