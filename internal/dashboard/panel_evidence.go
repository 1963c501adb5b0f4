package dashboard

import (
	"fmt"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// evidencePanel is the newest verdict.
type evidencePanel struct {
	Outcome  present.Sign
	Sentence string
	Findings []finding
}

func (s *scene) evidence() any {
	if s.Verdict == nil {
		return nil
	}
	p := evidencePanel{Outcome: present.Outcome(s.Verdict.Outcome), Sentence: s.Verdict.Sentence}
	for _, f := range s.Verdict.Findings {
		p.Findings = append(p.Findings, findingOf(f))
	}
	return p
}

// finding is a finding with its plot.
type finding struct {
	stagger.Finding

	Sign     present.Sign
	Name     string
	Of       string // measured on the baseline
	On       string // measured on the candidate
	Interval string
	Axis     present.Axis
	Limit    string
	Label    string // the plot in words
	Evidence []gauge
}

// gauge is one bar of evidence.
type gauge struct {
	Name  string
	Tone  present.Tone
	Share float64
}

// Full says whether it is enough to act on.
func (g gauge) Full() bool { return g.Share >= 1 }

func findingOf(f stagger.Finding) finding {
	out := finding{
		Finding: f, Sign: present.Finding(f), Name: present.Signal(f),
		Of: present.Level(f.Signal, f.Baseline), On: present.Level(f.Signal, f.Candidate),
		Interval: present.Interval(f), Axis: present.AxisOf(f), Limit: present.Ratio(f.Tolerance),
		Evidence: []gauge{
			{"suspect", present.Warn, present.Evidence(f.Suspect)},
			{"rollback", present.Bad, present.Evidence(f.Rollback)},
			{"healthy", present.Good, present.Evidence(f.Healthy)},
		},
	}
	out.Label = fmt.Sprintf("%s: no estimate yet, limit %s", out.Name, out.Limit)
	if out.Axis.Known {
		out.Label = fmt.Sprintf("%s: %s of the baseline, between %s, limit %s", out.Name, present.Estimate(f), out.Interval, out.Limit)
	}
	return out
}

// Speaks says whether its sentence stands beside it: those that tell of nothing
// bad repeat the numbers.
func (f finding) Speaks() bool { return f.Sign.Tone == present.Warn || f.Sign.Tone == present.Bad }

// Same is the place of "as the baseline".
func (finding) Same() float64 { return present.AxisSame }

// LimitAt is the place of the tolerance.
func (finding) LimitAt() float64 { return present.AxisLimit }

// Width is the length of the interval.
func (f finding) Width() float64 { return f.Axis.High - f.Axis.Low }
