package dashboard

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// How much of a path is drawn.
const (
	pathDrawn  = 120 // points of a line
	pathTold   = 12  // rows of the table behind a plot
	pathMarked = 60  // events; the newest stay
)

// evolution is how the evidence grew.
type evolution struct {
	Plots []pathPlot
	Over  timeline
	Key   []present.Sign // what the marks mean
}

// pathPlot is one finding over time.
type pathPlot struct {
	ID     string // of its elements
	Name   string
	Label  string // the ratio's plot in words
	Growth string // the evidence's
	Now    string // estimate, interval and limit
	Sign   present.Sign

	Ratio, Evidence chart
	Rows            []pathRow
}

// pathRow is a point in words.
type pathRow struct {
	At                time.Time
	Advice            *present.Sign // nil for nothing to do
	Ratio, Between    string
	Suspect, Rollback float64
	Healthy           float64
}

// evolution prepares the path of the evidence with what happened meanwhile.
// Without it the page is worth showing.
func (s *scene) evolution() any {
	p, err := s.dashboard.Store.Evidence(s.ctx, s.Rollout.ID)
	if err != nil && s.ctx.Err() == nil {
		s.dashboard.Log.Error("the path of the evidence cannot be shown", "rollout", s.Rollout.ID, "error", err)
	}
	if len(p.At) < 2 || len(p.Advice) != len(p.At) {
		return nil
	}
	marks, key := s.marks(p.At[0], p.At[len(p.At)-1])
	e := evolution{Over: timeline{Marks: marks}, Key: key}
	drawn := slices.Compact(append([]int{0}, present.Columns(p.At, pathDrawn)...))
	for _, i := range drawn {
		e.Over.At = append(e.Over.At, p.At[i])
	}
	told := slices.Compact(append([]int{0}, present.Columns(p.At, pathTold)...))
	for i, slot := range p.Slots {
		plot := plotOf(slot, drawn)
		plot.ID = fmt.Sprintf("path-%d", i)
		plot.tell(slot, p, told)
		e.Plots = append(e.Plots, plot)
	}
	return e
}

// decisive are the events that are marked on every axis of time.
var decisive = []stagger.EventKind{
	stagger.EventStageEntered, stagger.EventHeld, stagger.EventReleased, stagger.EventShed, stagger.EventRestored, stagger.EventBlinded,
	stagger.EventSighted, stagger.EventPaused, stagger.EventResumed, stagger.EventWeightSet, stagger.EventBaking, stagger.EventPromoted,
	stagger.EventRolledBack, stagger.EventAborted,
}

// marks are the decisions and people's actions between two moments, and what
// their symbols mean.
func (s *scene) marks(from, to time.Time) (marks []moment, key []present.Sign) {
	for _, e := range s.Events {
		// A path is kept to the millisecond.
		if !slices.Contains(decisive, e.Kind) || e.At.Before(from) || e.At.After(to.Add(time.Millisecond)) {
			continue
		}
		sign := present.Kind(e.Kind)
		marks = append(marks, moment{At: instant(e.At), Symbol: sign.Symbol, Label: sign.Words + " · " + e.Actor, Tone: tone(sign.Tone)})
		if !slices.Contains(key, sign) {
			key = append(key, sign)
		}
		if len(marks) == pathMarked {
			break
		}
	}
	slices.Reverse(marks)
	slices.Reverse(key)
	return marks, key
}

func plotOf(s stagger.PathSlot, drawn []int) pathPlot {
	now := present.At(s, drawn[len(drawn)-1])
	p := pathPlot{Name: present.Signal(now), Sign: standing(now), Now: "no estimate yet, limit " + present.Ratio(s.Tolerance)}
	if present.AxisOf(now).Known {
		p.Now = fmt.Sprintf("%s (%s), limit %s", present.Estimate(now), present.Interval(now), present.Ratio(s.Tolerance))
	}
	p.Label = fmt.Sprintf("%s over time against its limit; now %s", p.Name, p.Now)
	p.Growth = fmt.Sprintf("evidence about %s over time; now suspect %.0f%%, rollback %.0f%%, healthy %.0f%%", p.Name,
		100*present.Evidence(now.Suspect), 100*present.Evidence(now.Rollback), 100*present.Evidence(now.Healthy))
	p.Ratio, p.Evidence = ratioChart(s, drawn, p.Sign), evidenceChart(s, drawn)
	return p
}

// tell fills the table behind a plot.
func (p *pathPlot) tell(s stagger.PathSlot, path stagger.Path, told []int) {
	for _, i := range told {
		f := present.At(s, i)
		row := pathRow{
			At: path.At[i], Ratio: present.Estimate(f), Between: present.Interval(f),
			Suspect: present.Evidence(f.Suspect), Rollback: present.Evidence(f.Rollback), Healthy: present.Evidence(f.Healthy),
		}
		if advice := path.Advice[i]; advice != stagger.AdviseNothing {
			sign := present.Advice(advice)
			row.Advice = &sign
		}
		p.Rows = append(p.Rows, row)
	}
}

// ratioChart draws where the ratio lies against its limit, in powers of the
// tolerance, so that all signals read alike; there are gaps where nothing is
// known.
func ratioChart(s stagger.PathSlot, drawn []int, now present.Sign) chart {
	high, middle, low := make(numbers, len(drawn)), make(numbers, len(drawn)), make(numbers, len(drawn))
	for k, i := range drawn {
		a := present.AxisOf(present.At(s, i))
		high[k], middle[k], low[k] = math.NaN(), math.NaN(), math.NaN()
		if a.Known {
			high[k], middle[k], low[k] = power(a.High), power(a.Estimate), power(a.Low)
		}
	}
	of := tone(now.Tone)
	return chart{
		Unit: unitPower, Base: s.Tolerance, Height: 150, Range: &extent{-3, 3},
		Series: []line{
			{Label: "at most", Tone: of, Values: high, Edge: true},
			{Label: "estimate", Tone: of, Values: middle},
			{Label: "at least", Tone: of, Values: low, Edge: true},
		},
		Bands:  []band{{High: 0, Low: 2, Tone: of}},
		Limits: []limit{{At: 0, Label: "same", Tone: "muted"}, {At: 1, Label: "limit", Tone: "ink"}},
	}
}

// power turns a place on present's axis into a power of the tolerance.
func power(place float64) float64 {
	return (place - present.AxisSame) / (present.AxisLimit - present.AxisSame)
}

// evidenceChart draws the evidence on its way to enough.
func evidenceChart(s stagger.PathSlot, drawn []int) chart {
	c := chart{
		Unit: unitShare, Height: 110, Range: &extent{0, 1.05},
		Limits: []limit{{At: 1, Label: "enough", Tone: "muted"}},
	}
	for _, of := range []struct {
		line
		evidence func(stagger.Finding) float64
	}{
		{line{Label: "suspect", Tone: "warn", Dash: "dash"}, func(f stagger.Finding) float64 { return f.Suspect }},
		{line{Label: "rollback", Tone: "bad"}, func(f stagger.Finding) float64 { return f.Rollback }},
		{line{Label: "healthy", Tone: "good", Dash: "dot"}, func(f stagger.Finding) float64 { return f.Healthy }},
	} {
		of.Values = make(numbers, len(drawn))
		for k, i := range drawn {
			of.Values[k] = present.Evidence(of.evidence(present.At(s, i)))
		}
		c.Series = append(c.Series, of.line)
	}
	return c
}

// standing is where an interval stands against its limit.
func standing(f stagger.Finding) present.Sign {
	a := present.AxisOf(f)
	switch {
	case !a.Known:
		return present.Sign{Symbol: "…", Words: "unknown", Tone: present.Quiet}
	case a.Low > present.AxisLimit:
		return present.Sign{Symbol: "✘", Words: "beyond the limit", Tone: present.Bad}
	case a.High < present.AxisLimit:
		return present.Sign{Symbol: "✔", Words: "within the limit", Tone: present.Good}
	}
	return present.Sign{Symbol: "…", Words: "open", Tone: present.Quiet}
}
