package meter

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// buckets is the length of a dense histogram: zero first, then every index.
const buckets = int(histogram.MaxIndex-histogram.MinIndex) + 2

// A cell's gate counts the beginnings (lower half) and the endings (upper half)
// that entered it; the top bit closes it. One word, so that closing is one
// atomic step: a request is counted in this cell or in another, never in both
// or in none.
const (
	began  uint64 = 1
	ended  uint64 = 1 << 32
	closed uint64 = 1 << 63
)

// cell counts one tick of one series on one shard. It spans many cache lines
// of its own, so shards do not contend. A cell is never used twice: an ending
// that comes after it was closed may still hold it, and the garbage collector
// knows when nobody does.
type cell struct {
	tick     int64
	version  uint16   // the number of the series' version
	senders  *senders // of the tick's minute; nil if that is not counted
	gate     atomic.Uint64
	left     atomic.Uint64 // of those that entered, who is fully counted
	sum      atomic.Int64  // nanoseconds
	first    atomic.Uint32 // failures that are their subject's first
	arrived  atomic.Uint32
	outcomes [classes]atomic.Uint32
	latency  [buckets]atomic.Uint32
	groups   [stagger.Groups]groupCell
	hosts    hostCells
}

// begin counts a start, unless the cell is closed.
func (c *cell) begin(r *Request, arrived bool) bool {
	if c.gate.Add(began)&closed != 0 {
		return false
	}
	c.groups[group(r.Subject)].started.Add(1)
	if r.Host != nil {
		c.hosts.of(r.Host).started.Add(1)
	}
	if arrived {
		c.arrived.Add(1)
	}
	if c.senders != nil {
		c.senders.count(r.Subject, c.version)
	}
	c.left.Add(began)
	return true
}

// end counts an ending, unless the cell is closed.
func (c *cell) end(d time.Duration, class Class, x *Sample, first bool) bool {
	if c.gate.Add(ended)&closed != 0 {
		return false
	}
	index := histogram.Index(d)
	c.outcomes[class].Add(1)
	if class != ClientAbort {
		c.sum.Add(int64(d))
		c.latency[slotOf(d, index)].Add(1)
	}
	if first {
		c.first.Add(1)
	}
	c.groups[group(x.subject)].end(index, class, first)
	if x.host != nil {
		c.hosts.of(x.host).end(index, class, false)
	}
	c.left.Add(ended)
	return true
}

// close ends counting and adds what was counted to t. It waits for those who
// entered before: they have nanoseconds to go.
func (c *cell) close(t *sealing) {
	gate := c.gate.Or(closed) &^ closed
	for c.left.Load() != gate {
		runtime.Gosched()
	}
	t.started += gate & (ended - 1)
	t.first += uint64(c.first.Load())
	t.arrived += uint64(c.arrived.Load())
	c.addTo(&t.tally)
	for i := range c.groups {
		c.groups[i].addTo(&t.groups[i])
	}
	c.hosts.addTo(t)
}

// peek adds what is counted so far. Endings are read before starts, so that
// never more end than began.
func (c *cell) peek(t *tally) {
	c.addTo(t)
	t.started += c.gate.Load() & (ended - 1)
}

func (c *cell) addTo(t *tally) {
	for i := range c.outcomes {
		t.outcomes[i] += uint64(c.outcomes[i].Load())
	}
	for i := range c.latency {
		t.latency[i] += uint64(c.latency[i].Load())
	}
	t.sum += time.Duration(c.sum.Load()).Seconds()
}

// slot returns where a duration is counted.
func slot(d time.Duration) int { return slotOf(d, histogram.Index(d)) }

// slotOf is slot where the duration's bucket is known.
func slotOf(d time.Duration, index int32) int {
	if d <= 0 {
		return 0
	}
	return int(index-histogram.MinIndex) + 1
}

// tally is counts added up, no longer shared.
type tally struct {
	started  uint64
	sum      float64 // seconds; nanoseconds would overflow within days
	outcomes [classes]uint64
	latency  [buckets]uint64
}

// sealing is what one tick held. Totals keep only the tally of it.
type sealing struct {
	tally

	first   uint64 // failures that were their subject's first
	arrived uint64
	groups  [stagger.Groups]groupTally
	hosts   []hostTally
}

func (t *tally) add(u *tally) {
	t.started += u.started
	t.sum += u.sum
	for i, n := range u.outcomes {
		t.outcomes[i] += n
	}
	for i, n := range u.latency {
		t.latency[i] += n
	}
}

// end counts one ending.
func (t *tally) end(d time.Duration, class Class) {
	t.outcomes[class]++
	if class != ClientAbort {
		t.sum += d.Seconds()
		t.latency[slot(d)]++
	}
}

func (t *tally) finished() uint64 {
	var n uint64
	for _, c := range t.outcomes {
		n += c
	}
	return n
}

// histogram lists the buckets that are not empty.
func (t *tally) histogram() stagger.Histogram {
	return stagger.Histogram{Zero: t.latency[0], Sum: t.sum, Buckets: list(t.latency[1:], histogram.MinIndex, 1)}
}

// list makes a sparse list of dense counts, whose first has the given index and
// each further one an index step higher.
func list(counts []uint64, first, step int32) []stagger.Bucket {
	full := 0
	for _, n := range counts {
		if n > 0 {
			full++
		}
	}
	if full == 0 {
		return nil
	}
	out := make([]stagger.Bucket, 0, full)
	for i, n := range counts {
		if n > 0 {
			out = append(out, stagger.Bucket{Index: first + int32(i)*step, Count: n})
		}
	}
	return out
}
