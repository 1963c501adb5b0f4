package load

import (
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// buckets is how many a histogram has.
const buckets = int(histogram.MaxIndex-histogram.MinIndex) + 1

// durations counts durations without a lock.
type durations struct {
	counts [buckets]atomic.Uint64
	sum    atomic.Int64
	max    atomic.Int64
}

func (d *durations) add(took time.Duration) {
	took = max(took, 0)
	d.counts[histogram.Index(took)-histogram.MinIndex].Add(1)
	d.sum.Add(int64(took))
	for {
		most := d.max.Load()
		if int64(took) <= most || d.max.CompareAndSwap(most, int64(took)) {
			return
		}
	}
}

// addTo adds what was counted to a histogram and returns the longest.
func (d *durations) addTo(h *stagger.Histogram) time.Duration {
	var one stagger.Histogram
	for i := range d.counts {
		if n := d.counts[i].Load(); n > 0 {
			one.Buckets = append(one.Buckets, stagger.Bucket{Index: int32(i) + histogram.MinIndex, Count: n})
		}
	}
	one.Sum = time.Duration(d.sum.Load()).Seconds()
	histogram.AddTo(h, one)
	return time.Duration(d.max.Load())
}

// cell is what one kind of request met at one version.
type cell struct {
	ended   atomic.Uint64
	failed  atomic.Uint64
	latency durations // from when it was due
	service durations // from when it was made
}

// maxVersions bounds how many versions are told apart; the rest are one.
const maxVersions = 16

// tally counts what becomes of requests.
type tally struct {
	names []string // of the kinds of requests
	late  durations

	begun   atomic.Uint64
	ended   atomic.Uint64
	failed  atomic.Uint64
	cut     atomic.Uint64
	dropped atomic.Uint64

	versions atomic.Pointer[[]string]
	cells    [][maxVersions + 1]atomic.Pointer[cell] // by request and version

	mu       sync.Mutex // guards the rest, which is rare
	failures map[string]uint64
	statuses [600]atomic.Uint64

	last seenLast // of progress, which one goroutine asks for
}

type seenLast struct {
	at                time.Duration
	begun, ended, due uint64
	latency           stagger.Histogram
}

func newTally(names []string) *tally {
	t := &tally{names: names, cells: make([][maxVersions + 1]atomic.Pointer[cell], len(names)), failures: make(map[string]uint64)}
	t.versions.Store(&[]string{})
	return t
}

func (t *tally) drop() { t.dropped.Add(1) }

// begin counts a request that is made, so late.
func (t *tally) begin(late time.Duration) {
	t.begun.Add(1)
	t.late.add(late)
}

// end counts what became of it. What the end of the run cut off says nothing.
func (t *tally) end(place int, r result, latency, service time.Duration) {
	if r.cut {
		t.cut.Add(1)
		return
	}
	c := t.cell(place, r.version)
	if r.status > 0 || r.failure == failTimeout {
		c.latency.add(latency)
		c.service.add(service)
	}
	if r.status > 0 && r.status < len(t.statuses) {
		t.statuses[r.status].Add(1)
	}
	c.ended.Add(1)
	t.ended.Add(1)
	if r.failure == "" {
		return
	}
	c.failed.Add(1)
	t.failed.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures[r.failure]++
}

// cell returns the cell of a request and a version, which begins when it is
// met first.
func (t *tally) cell(place int, version string) *cell {
	at := &t.cells[place][t.version(version)]
	if c := at.Load(); c != nil {
		return c
	}
	at.CompareAndSwap(nil, &cell{})
	return at.Load()
}

// version returns the place of a version; those beyond the bound share one.
func (t *tally) version(name string) int {
	for {
		known := t.versions.Load()
		if i := slices.Index(*known, name); i >= 0 {
			return i
		}
		if len(*known) == maxVersions {
			return maxVersions
		}
		more := append(slices.Clone(*known), name)
		t.versions.CompareAndSwap(known, &more)
	}
}

// sum adds up the latencies of all cells that match; the longest goes with it.
func (t *tally) sum(match func(place, version int) bool) (latency, service stagger.Histogram, most, mostService time.Duration, ended, failed uint64) {
	for i := range t.cells {
		for k := range t.cells[i] {
			c := t.cells[i][k].Load()
			if c == nil || !match(i, k) {
				continue
			}
			most = max(most, c.latency.addTo(&latency))
			mostService = max(mostService, c.service.addTo(&service))
			ended += c.ended.Load()
			failed += c.failed.Load()
		}
	}
	return latency, service, most, mostService, ended, failed
}

func everything(int, int) bool { return true }

// Progress is how a run does.
type Progress struct {
	At, Length time.Duration
	Wished     float64 // requests per second, now
	Due        float64 // that fell due per second, lately
	Reached    float64 // that ended per second, lately
	Begun      uint64
	Ended      uint64
	Failed     uint64
	Dropped    uint64
	InFlight   uint64
	P50, P99   float64 // seconds from when requests were due, lately
}

// progress tells what has happened since it was asked last.
func (t *tally) progress(at, length time.Duration) Progress {
	latency, _, _, _, _, _ := t.sum(everything)
	p := Progress{
		At: min(at, length), Length: length, Begun: t.begun.Load(), Ended: t.ended.Load(), Failed: t.failed.Load(), Dropped: t.dropped.Load(),
	}
	p.InFlight = p.Begun - min(p.Ended+t.cut.Load(), p.Begun)
	due := p.Begun + p.Dropped
	if passed := (at - t.last.at).Seconds(); passed > 0 {
		p.Reached = float64(p.Ended-t.last.ended) / passed
		p.Due = float64(due-t.last.due) / passed
	}
	lately := minus(latency, t.last.latency)
	_, p.P50 = histogram.Quantile(lately, 0.5)
	_, p.P99 = histogram.Quantile(lately, 0.99)
	t.last = seenLast{at: at, begun: p.Begun, ended: p.Ended, due: due, latency: latency}
	return p
}

// minus takes an earlier histogram from a later one.
func minus(later, earlier stagger.Histogram) stagger.Histogram {
	before := make(map[int32]uint64, len(earlier.Buckets))
	for _, b := range earlier.Buckets {
		before[b.Index] = b.Count
	}
	var out stagger.Histogram
	for _, b := range later.Buckets {
		if n := b.Count - before[b.Index]; n > 0 {
			out.Buckets = append(out.Buckets, stagger.Bucket{Index: b.Index, Count: n})
		}
	}
	return out
}

// kinds returns the failures by kind.
func (t *tally) kinds() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.failures)
}

// quantile is the upper edge of the bucket that holds the quantile, or the
// longest of all if that is less.
func quantile(h stagger.Histogram, q float64, most time.Duration) float64 {
	_, high := histogram.Quantile(h, q)
	return math.Min(high, most.Seconds())
}
