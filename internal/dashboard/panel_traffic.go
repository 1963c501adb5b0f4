package dashboard

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// trafficPanel is wished against observed traffic, and how both versions do.
type trafficPanel struct {
	Split    split
	Versions []levelOf
	Exposure stagger.Exposure
	// What is shown only where it is known.
	Saturation, Backlog bool
}

// split is wished against observed traffic.
type split struct {
	Wanted   string
	Observed float64
	Mark     float64
	Marked   bool // the wanted share is known beforehand
}

// levelOf is how one version does.
type levelOf struct {
	stagger.Level

	Name, Role string
}

func (s *scene) traffic() any {
	if s.Progress == nil {
		return nil
	}
	b, c := s.Progress.Baseline, s.Progress.Candidate
	return trafficPanel{
		Exposure:   s.Progress.Exposure,
		Saturation: b.Saturation != nil || c.Saturation != nil,
		Backlog:    b.Backlog != nil || c.Backlog != nil,
		Split:      splitOf(*s.Progress, s.Rollout.Candidate),
		Versions: []levelOf{
			{b, s.Rollout.Baseline, "baseline"},
			{c, s.Rollout.Candidate, "candidate"},
		},
	}
}

func splitOf(p stagger.Progress, candidate string) split {
	return split{
		Wanted:   present.Wanted(p.Split, candidate),
		Observed: min(max(p.Observed, 0), 1),
		Mark:     p.Split.Weight.Share(),
		Marked:   len(p.Split.Rules) == 0 || p.Split.Weight > 0,
	}
}
