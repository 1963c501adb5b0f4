package dashboard

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// placesShown bounds the table of differences; the surest stay.
const placesShown = 20

// shadowed is what the mirrored requests of a rollout showed.
type shadowed struct {
	stagger.Differences
	FailedShare, Differs, Noise float64
	Lost                        string
	Paths                       []place
	Cut                         uint64 // places that are left out
}

// place is one of its differences.
type place struct {
	stagger.Difference
	Sign    present.Sign
	Example *stagger.Example // nil where only the baseline differed
}

func (d *dashboard) shadowed(rollout string) *shadowed {
	if d.Differences == nil {
		return nil
	}
	found, ok := d.Differences(rollout)
	if !ok {
		return nil
	}
	s := &shadowed{
		Differences: found, Lost: present.Dropped(found.Dropped),
		FailedShare: part(found.Failed, found.Mirrored), Differs: part(found.Differing, found.Compared), Noise: part(found.Noisy, found.Pairs),
	}
	for i, one := range found.Paths {
		if i == placesShown {
			s.Cut = uint64(len(found.Paths) - placesShown)
			break
		}
		p := place{Difference: one, Sign: present.Difference(one.Finding)}
		if len(one.Examples) > 0 {
			p.Example = &one.Examples[0]
		}
		s.Paths = append(s.Paths, p)
	}
	return s
}

func part(n, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
