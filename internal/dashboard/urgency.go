package dashboard

import (
	"cmp"
	"slices"

	"github.com/stagger-dev/stagger"
)

// How much a service needs somebody to look at it.
const (
	calm     = iota
	askedFor // a person stopped it, so that one has to go on
	noticed  // something is not as it should be
	alarmed  // users may be suffering
)

// urgency says how much a service needs somebody.
func urgency(s stagger.ServiceStatus) int {
	most := calm
	if r := s.Rollout; r != nil {
		most = max(most, heldUrgency(r.Hold))
		if !r.Alerted.IsZero() {
			most = alarmed
		}
	}
	if s.Watch != nil && !s.Watch.Since.IsZero() || len(s.Degraded) > 0 {
		most = max(most, alarmed)
	}
	for _, one := range s.Strain {
		if one.Circuit == "open" || one.Circuit == "probing" {
			most = max(most, alarmed)
		}
	}
	for _, e := range s.Endpoints {
		if e.State == stagger.EndpointUnhealthy || e.State == stagger.EndpointEjected {
			most = max(most, noticed)
		}
	}
	return most
}

func heldUrgency(h stagger.Hold) int {
	switch h {
	case stagger.HoldShed:
		return alarmed
	case stagger.HoldSuspect, stagger.HoldBlind, stagger.HoldTimebox, stagger.HoldUnready:
		return noticed
	case stagger.HoldPaused:
		return askedFor
	case stagger.HoldNone:
	}
	return calm
}

// urgent puts those first that need somebody, then what is under way, then by
// name.
func urgent(cards []serviceCard) {
	rank := func(c serviceCard) int {
		n := 2 * c.Urgency
		if c.Rollout != nil {
			n++
		}
		return n
	}
	slices.SortStableFunc(cards, func(a, b serviceCard) int {
		return cmp.Or(rank(b)-rank(a), cmp.Compare(a.Service.Name, b.Service.Name))
	})
}
