package meter

import (
	"sync/atomic"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// group is the part of subjects that a subject belongs to. A cohort is chosen
// by the highest bits, so the lowest are independent of it.
func group(subject uint64) uint64 { return subject % stagger.Groups }

// groupCell counts one tick of one group on one shard.
// What finished is in latency or was aborted.
type groupCell struct {
	started atomic.Uint32
	aborted atomic.Uint32
	failed  atomic.Uint32
	first   atomic.Uint32
	latency [histogram.CoarseBuckets]atomic.Uint32
}

// end counts an ending whose latency lies in bucket index.
func (g *groupCell) end(index int32, class Class, first bool) {
	if class == ClientAbort {
		g.aborted.Add(1)
		return
	}
	g.latency[histogram.Coarse(index)].Add(1)
	if class.failed() {
		g.failed.Add(1)
	}
	if first {
		g.first.Add(1)
	}
}

func (g *groupCell) addTo(t *groupTally) {
	t.started += uint64(g.started.Load())
	t.aborted += uint64(g.aborted.Load())
	t.failed += uint64(g.failed.Load())
	t.first += uint64(g.first.Load())
	for i := range g.latency {
		t.latency[i] += uint64(g.latency[i].Load())
	}
}

// groupTally is a group's counts added up, no longer shared.
type groupTally struct {
	started, aborted, failed, first uint64
	latency                         [histogram.CoarseBuckets]uint64
}

// group names the counts.
func (g *groupTally) group() stagger.Group {
	unfinished := g.started - g.aborted
	for _, n := range g.latency {
		unfinished -= n
	}
	return stagger.Group{
		Started: g.started, Unfinished: unfinished, Failed: g.failed, FirstFailed: g.first,
		Latency: stagger.Histogram{Buckets: list(g.latency[:], histogram.CoarseIndex(0), stagger.GroupSteps)},
	}
}

// groupList returns what every group met, nil when nobody came.
func (t *sealing) groupList() []stagger.Group {
	if t.started == 0 {
		return nil
	}
	out := make([]stagger.Group, stagger.Groups)
	for i := range t.groups {
		out[i] = t.groups[i].group()
	}
	return out
}
