package dashboard

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// trafficPanel is wished against observed traffic, and how both versions do.
type trafficPanel struct {
	Split    split
	Versions []levelOf
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
	return trafficPanel{
		Split: splitOf(*s.Progress, s.Rollout.Candidate),
		Versions: []levelOf{
			{s.Progress.Baseline, s.Rollout.Baseline, "baseline"},
			{s.Progress.Candidate, s.Rollout.Candidate, "candidate"},
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
