package present

import (
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// Rung is one step of a rollout's plan as it is shown: a stage, or the bake at
// the end.
type Rung struct {
	Sign   Sign
	Name   string
	Who    string // "10%", "1 rule", "1 rule and 5%", "everybody"
	Active bool
	// Of the active one: how long it runs, how long it must and may, zero
	// when it need or may not end, and how many requests it needs per version.
	Spent, Least, Most time.Duration
	Samples            uint64
	// Mirrors tells that nobody meets the candidate here: its requests are copies.
	Mirrors bool
}

// Ladder returns the rungs of r, the bake last.
func Ladder(r stagger.Rollout, now time.Time) []Rung {
	rungs, met := make([]Rung, 0, len(r.Plan.Stages)+1), false
	for i, s := range r.Plan.Stages {
		name := s.Name
		if name == "" {
			name = fmt.Sprintf("stage %d", i+1)
		}
		met = met || s.Weight > 0 || len(s.Rules) > 0
		rungs = append(rungs, Rung{
			Name: name, Who: who(s), Least: s.MinTime, Most: s.Timebox, Samples: s.MinSamples, Mirrors: !met && s.Shadow > 0,
		})
	}
	rungs = append(rungs, Rung{Name: "bake", Who: "everybody", Least: r.Plan.Bake.Time, Most: r.Plan.Bake.Time})
	for i := range rungs {
		rungs[i].Sign = rungSign(r, i)
		rungs[i].Active = i == r.Stage && !r.Phase.Final()
		if rungs[i].Active && !r.StageAt.IsZero() {
			rungs[i].Spent = max(now.Sub(r.StageAt), 0)
		}
	}
	return rungs
}

// Judged says how many of the requests it needs were judged; "" when it needs
// none.
func (r Rung) Judged(v stagger.Verdict) string {
	switch {
	case r.Samples == 0:
		return ""
	case r.Mirrors:
		return fmt.Sprintf("%s of %s mirrored requests", Count(v.Mirrored), Count(r.Samples))
	}
	return fmt.Sprintf("%s of %s requests", Count(min(v.Baseline.Stage, v.Candidate.Stage)), Count(r.Samples))
}

// Bounds says how long a rung must and may last; "" when nothing bounds it.
func (r Rung) Bounds() string {
	switch {
	case r.Least > 0 && r.Least == r.Most:
		return "for " + Span(r.Least)
	case r.Least > 0 && r.Most > 0:
		return "min " + Span(r.Least) + " · max " + Span(r.Most)
	case r.Least > 0:
		return "min " + Span(r.Least)
	case r.Most > 0:
		return "max " + Span(r.Most)
	}
	return ""
}

func rungSign(r stagger.Rollout, i int) Sign {
	switch {
	case r.Phase == stagger.PhasePromoted || i < r.Stage:
		return Sign{"✔", "passed", Good}
	case i > r.Stage:
		return Sign{"○", "to come", Quiet}
	}
	s := Phase(r.Phase)
	if r.Phase.Final() {
		s.Words += " here"
	}
	return s
}

// who says who meets the candidate in a stage.
func who(s stagger.Stage) string {
	rules := ""
	switch n := len(s.Rules); {
	case n == 1:
		rules = "1 rule"
	case n > 1:
		rules = fmt.Sprintf("%d rules", n)
	}
	switch {
	case s.Weight == stagger.WeightFull:
		return "everybody"
	case s.Weight == stagger.WeightNone && rules == "" && s.Shadow > 0:
		return "nobody, " + s.Shadow.String() + " mirrored"
	case rules == "":
		return s.Weight.String()
	case s.Weight == stagger.WeightNone:
		return rules
	}
	return rules + " and " + s.Weight.String()
}

// Wanted says which share of traffic is asked for on version, in words.
func Wanted(s stagger.Split, version string) string {
	switch {
	case s.Baseline == version:
		return "everybody"
	case !s.Exposes() && s.Mirrors():
		return "nobody, " + s.Shadow.String() + " mirrored"
	case !s.Exposes():
		return "nobody"
	case s.Weight == stagger.WeightFull:
		return "everybody"
	case len(s.Rules) == 0 || s.RuleShare == 0:
		return s.Weight.String()
	case s.Weight == stagger.WeightNone:
		return "by rule"
	}
	return s.Weight.String() + " and by rule"
}
