package meter

import (
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// group is the part of subjects that a subject belongs to. A cohort is chosen
// by the highest bits, so the lowest are independent of it.
func group(subject uint64) uint64 { return subject % stagger.Groups }

// groupCell counts one tick of one group on one shard.
type groupCell struct {
	started  atomic.Uint32
	finished atomic.Uint32
	failed   atomic.Uint32
	first    atomic.Uint32
	latency  [histogram.CoarseBuckets]atomic.Uint32
}

func (g *groupCell) end(d time.Duration, class Class, first bool) {
	g.finished.Add(1)
	if class.failed() {
		g.failed.Add(1)
	}
	if first {
		g.first.Add(1)
	}
	if class != ClientAbort {
		g.latency[histogram.Coarse(histogram.Index(d))].Add(1)
	}
}

func (g *groupCell) addTo(t *groupTally) {
	t.started += uint64(g.started.Load())
	t.finished += uint64(g.finished.Load())
	t.failed += uint64(g.failed.Load())
	t.first += uint64(g.first.Load())
	for i := range g.latency {
		t.latency[i] += uint64(g.latency[i].Load())
	}
}

// groupTally is a group's counts added up, no longer shared.
type groupTally struct {
	started, finished, failed, first uint64
	latency                          [histogram.CoarseBuckets]uint64
}

// groupList returns what every group met, nil when nobody came.
func (t *sealing) groupList() []stagger.Group {
	if t.started == 0 {
		return nil
	}
	out := make([]stagger.Group, stagger.Groups)
	for i := range t.groups {
		g := &t.groups[i]
		out[i] = stagger.Group{
			Started: g.started, Unfinished: g.started - min(g.finished, g.started), Failed: g.failed, FirstFailed: g.first,
			Latency: stagger.Histogram{Buckets: list(g.latency[:], histogram.CoarseIndex(0), stagger.GroupSteps)},
		}
	}
	return out
}
