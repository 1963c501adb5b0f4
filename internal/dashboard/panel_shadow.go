package dashboard

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// differencesShown bounds the table of differences; the surest stay.
const differencesShown = 20

// shadowed is what the mirrored requests of a rollout showed.
type shadowed struct {
	stagger.Differences
	FailedShare, Differs, Noise float64
	Lost                        string
	Paths                       []differing
	Cut                         uint64 // places that are left out
}

// differing is one of its differences.
type differing struct {
	stagger.Difference
	Sign    present.Sign
	Example *stagger.Example // nil where only the baseline differed
}

func (s *scene) shadow() any {
	if s.dashboard.Differences == nil {
		return nil
	}
	found, ok := s.dashboard.Differences(s.Rollout.ID)
	if !ok {
		return nil
	}
	out := &shadowed{
		Differences: found, Lost: present.Dropped(found.Dropped),
		FailedShare: part(found.Failed, found.Mirrored), Differs: part(found.Differing, found.Compared), Noise: part(found.Noisy, found.Pairs),
	}
	for i, one := range found.Paths {
		if i == differencesShown {
			out.Cut = uint64(len(found.Paths) - differencesShown)
			break
		}
		p := differing{Difference: one, Sign: present.Difference(one.Finding)}
		if len(one.Examples) > 0 {
			p.Example = &one.Examples[0]
		}
		out.Paths = append(out.Paths, p)
	}
	return out
}

func part(n, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
