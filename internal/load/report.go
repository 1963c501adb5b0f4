package load

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/scenario"
)

// Report is what came of a run. Times are seconds and shares 0 to 1.
type Report struct {
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Seed    uint64    `json:"seed"`
	// Wished is how many requests fell due per second and Reached how many ended.
	Wished  float64 `json:"wished_per_second"`
	Reached float64 `json:"reached_per_second"`
	Due     uint64  `json:"due"`
	Sent    uint64  `json:"sent"`
	Dropped uint64  `json:"dropped"` // not made, as too many were in flight
	Ended   uint64  `json:"ended"`
	Failed  uint64  `json:"failed"`
	Cut     uint64  `json:"cut"` // under way when the run was stopped
	// Failures counts them by kind, and Statuses answers by status.
	Failures map[string]uint64 `json:"failures"`
	Statuses map[string]uint64 `json:"statuses"`
	// Latency counts from when requests were due, as users feel it; Service from
	// when they were made.
	Latency Latency `json:"latency"`
	Service Latency `json:"service"`
	// Late is how late requests were made: the load's own fault.
	Late     Latency     `json:"late"`
	Load     Cost        `json:"load"`
	Requests []Row       `json:"requests"`
	Versions []Row       `json:"versions"`
	Pairs    []Row       `json:"pairs,omitempty"` // of request and version, where there are several of both
	Limits   []LimitKept `json:"limits"`
	// Stopped says why it ended before its time; empty otherwise.
	Stopped string `json:"stopped,omitempty"`
	// Interrupted says that somebody ended it.
	Interrupted bool `json:"interrupted,omitempty"`
}

// Latency is how long something took, in seconds.
type Latency struct {
	Count     uint64            `json:"count"`
	Mean      float64           `json:"mean"`
	P50       float64           `json:"p50"`
	P90       float64           `json:"p90"`
	P95       float64           `json:"p95"`
	P99       float64           `json:"p99"`
	P999      float64           `json:"p999"`
	Max       float64           `json:"max"`
	Histogram stagger.Histogram `json:"histogram"`
}

// Row is a part of the requests.
type Row struct {
	Request string  `json:"request,omitempty"`
	Version string  `json:"version,omitempty"`
	Ended   uint64  `json:"ended"`
	Failed  uint64  `json:"failed"`
	Latency Latency `json:"latency"`
}

// ErrorShare is the share of requests that failed.
func (r Row) ErrorShare() float64 { return share(r.Failed, r.Ended) }

// Cost is what the load itself took of this machine; nothing where that is not
// known.
type Cost struct {
	CPU        float64 `json:"cpu_seconds"`
	PerRequest float64 `json:"cpu_seconds_per_request"`
	Cores      float64 `json:"cores"` // that it kept busy
}

// LimitKept is a limit and what was measured.
type LimitKept struct {
	Limit string  `json:"limit"`
	Value float64 `json:"value"`
	Kept  bool    `json:"kept"`
}

// ErrorShare is the share of requests that failed. One that was dropped failed
// too: a user would not have been served.
func (r Report) ErrorShare() float64 { return share(r.Failed+r.Dropped, r.Ended+r.Dropped) }

// Kept says whether all limits were kept, and the run was not given up.
func (r Report) Kept() bool {
	return r.Stopped == "" && !slices.ContainsFunc(r.Limits, func(l LimitKept) bool { return !l.Kept })
}

// lateness is from when on the load's own lateness matters: a tenth of what was
// measured, and no less than a millisecond.
const lateness = 0.1

// IsLate says whether the load was so late that the latency tells of it rather
// than of the target.
func (r Report) IsLate() bool {
	return r.Late.P99 > max(lateness*r.Latency.P99, 0.001)
}

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func (r *run) report(c Counts, took time.Duration, cause error) Report {
	t := r.tally
	out := Report{
		Began: r.start.UTC(), Seconds: took.Seconds(), Seed: r.scenario.Seed,
		Due: c.Sent + c.Dropped, Sent: c.Sent, Dropped: c.Dropped, Ended: t.ended.Load(), Failed: t.failed.Load(), Cut: t.cut.Load(),
		Failures: t.kinds(), Statuses: t.byStatus(),
	}
	// The rate is that of the time in which requests fell due, without the wait
	// for the last of them, and with the time after it in which none happened to.
	span := min(took, r.length).Seconds()
	if cause == nil && r.replay == nil {
		span = r.length.Seconds()
		out.Seconds = max(out.Seconds, span)
	}
	out.Wished, out.Reached = float64(out.Due)/span, float64(out.Ended)/span
	latency, service, most, mostService, _, _ := t.sum(everything)
	out.Latency, out.Service = summary(latency, most), summary(service, mostService)
	var late stagger.Histogram
	latest := t.late.addTo(&late)
	out.Late = summary(late, latest)
	out.Load = Cost{CPU: r.cpu.Seconds(), Cores: r.cpu.Seconds() / took.Seconds()}
	if c.Sent > 0 {
		out.Load.PerRequest = out.Load.CPU / float64(c.Sent)
	}
	t.rows(&out)
	if why, ok := errors.AsType[stopped](cause); ok {
		out.Stopped = string(why)
	} else if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		out.Interrupted = true
	}
	out.judge(r.scenario.Limits)
	return out
}

// judge holds the report against limits.
func (r *Report) judge(limits []scenario.Limit) {
	for _, l := range limits {
		var value float64
		switch l.Of {
		case scenario.ErrorShare:
			value = r.ErrorShare()
		case scenario.RateShare:
			value = share(r.Ended, r.Due)
		default:
			value = quantile(r.Latency.Histogram, scenario.Quantiles[l.Of], time.Duration(r.Latency.Max*float64(time.Second)))
		}
		kept := l.Keeps(value) && r.Ended > 0
		r.Limits = append(r.Limits, LimitKept{Limit: l.String(), Value: value, Kept: kept})
	}
}

func summary(h stagger.Histogram, most time.Duration) Latency {
	l := Latency{Count: h.Count(), Max: most.Seconds(), Histogram: h}
	if l.Count > 0 {
		l.Mean = h.Sum / float64(l.Count)
	}
	l.P50, l.P90, l.P95 = quantile(h, 0.5, most), quantile(h, 0.9, most), quantile(h, 0.95, most)
	l.P99, l.P999 = quantile(h, 0.99, most), quantile(h, 0.999, most)
	return l
}

func (t *tally) byStatus() map[string]uint64 {
	out := make(map[string]uint64)
	for status := range t.statuses {
		if n := t.statuses[status].Load(); n > 0 {
			out[strconv.Itoa(status)] = n
		}
	}
	return out
}

// rows adds what each kind of request and each version met.
func (t *tally) rows(r *Report) {
	versions := *t.versions.Load()
	name := func(version int) string {
		if version == maxVersions {
			return "others"
		}
		return versions[version]
	}
	met := make(map[int]bool)
	for i := range t.cells {
		for k := range t.cells[i] {
			if t.cells[i][k].Load() == nil {
				continue
			}
			met[k] = true
			r.Pairs = append(r.Pairs, t.row(t.names[i], name(k), func(place, version int) bool { return place == i && version == k }))
		}
		if row := t.row(t.names[i], "", func(place, _ int) bool { return place == i }); row.Ended > 0 {
			r.Requests = append(r.Requests, row)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(met)) {
		r.Versions = append(r.Versions, t.row("", name(k), func(_, version int) bool { return version == k }))
	}
	slices.SortStableFunc(r.Versions, func(a, b Row) int { return cmp.Compare(a.Version, b.Version) })
	if len(r.Requests) < 2 || len(r.Versions) < 2 {
		r.Pairs = nil
	}
}

func (t *tally) row(request, version string, match func(place, version int) bool) Row {
	latency, _, most, _, ended, failed := t.sum(match)
	return Row{Request: request, Version: version, Ended: ended, Failed: failed, Latency: summary(latency, most)}
}
