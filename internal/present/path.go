package present

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// At returns what slot s of a path saw at point i, as a finding with as much as
// a path keeps. What a list lacks is unknown.
func At(s stagger.PathSlot, i int) stagger.Finding {
	of := func(list []float64) float64 {
		if i < 0 || i >= len(list) {
			return 0
		}
		return list[i]
	}
	return stagger.Finding{
		Signal: s.Signal, Slot: s.Slot, Metric: s.Metric, Outcome: stagger.OutcomeInconclusive, Tolerance: s.Tolerance,
		Estimate: of(s.Estimate), Low: of(s.Low), High: of(s.High),
		Suspect: of(s.Suspect), Rollback: of(s.Rollback), Healthy: of(s.Healthy),
	}
}

// Places returns where each point of a path lies between its first, 0, and its
// last, 1. A single point lies at 1.
func Places(at []time.Time) []float64 {
	places := make([]float64, len(at))
	if len(at) == 0 {
		return places
	}
	first := at[0]
	whole := at[len(at)-1].Sub(first).Seconds()
	for i, t := range at {
		places[i] = 1
		if whole > 0 {
			places[i] = clamp(t.Sub(first).Seconds() / whole)
		}
	}
	return places
}

// Columns returns for each of n columns of equal time the newest point of a
// path that it shows.
func Columns(at []time.Time, n int) []int {
	columns := make([]int, 0, n)
	places, i := Places(at), 0
	for c := range n {
		end := float64(c+1) / float64(n)
		for i+1 < len(places) && places[i+1] <= end {
			i++
		}
		columns = append(columns, i)
	}
	return columns
}

// Turns lists the points at which the advice changed, the first excepted.
func Turns(p stagger.Path) []int {
	var turns []int
	for i := 1; i < len(p.Advice); i++ {
		if p.Advice[i] != p.Advice[i-1] {
			turns = append(turns, i)
		}
	}
	return turns
}

// Advice returns the sign of what a verdict asks for.
func Advice(a stagger.Advice) Sign {
	switch a {
	case stagger.AdviseAlert:
		return Sign{"!", "alert", Warn}
	case stagger.AdviseHold:
		return Sign{"◆", "hold", Warn}
	case stagger.AdviseShed:
		return Sign{"▼", "shed", Bad}
	case stagger.AdviseRollback:
		return Sign{"✘", "roll back", Bad}
	case stagger.AdviseNothing, "":
	}
	return Sign{"◇", "nothing to do", Good}
}
