package recording

import (
	"iter"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// Profile is how one version does over a whole recording.
type Profile struct {
	Requests uint64 // of the version
	Failed   uint64
	Latency  stagger.Histogram
	All      uint64  // requests of every version
	Seconds  float64 // that were recorded
}

// All reads a recording of any versions, in order of time, as Ticks does. Lines
// of the named version, and those that name none, are the baseline's; all
// others the candidate's.
func All(s Source, name string) iter.Seq2[Tick, error] {
	return s.ticks(func(l *Line) string {
		if l.Version != name && l.Version != "" {
			l.side = candidate
			l.Route = l.Version + " " + l.Route // several versions may stand here
		}
		return ""
	})
}

// Add takes in a tick.
func (p *Profile) Add(t Tick) {
	p.Seconds += t.To.Sub(t.From).Seconds()
	for side, lines := range t.Lines {
		for _, l := range lines {
			p.All += l.Started
			if side == baseline {
				p.Requests += l.Started
				p.Failed += l.Failed
				p.Latency = histogram.Sum(p.Latency, l.Latency)
			}
		}
	}
}
