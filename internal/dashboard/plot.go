package dashboard

import (
	"fmt"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// rung is a stage with its bar.
type rung struct {
	present.Rung

	Words string
	Bar   float64 // how much of the most, or least, time is spent
	Mark  float64 // the least time on the same scale; 0 when there is none
}

func rungOf(r present.Rung) rung {
	out := rung{Rung: r}
	if whole := max(r.Least, r.Most); whole > 0 {
		out.Bar = min(r.Spent.Seconds()/whole.Seconds(), 1)
		if r.Least < whole {
			out.Mark = r.Least.Seconds() / whole.Seconds()
		}
	}
	if out.Words = r.Bounds(); r.Active {
		out.Words = strings.TrimSuffix(present.Span(r.Spent.Truncate(time.Second))+" · "+out.Words, " · ")
	}
	return out
}

// split is wished against observed traffic.
type split struct {
	Wanted   string
	Observed float64
	Mark     float64
	Marked   bool // the wanted share is known beforehand
}

func splitOf(p stagger.Progress, candidate string) split {
	return split{
		Wanted:   present.Wanted(p.Split, candidate),
		Observed: min(max(p.Observed, 0), 1),
		Mark:     p.Split.Weight.Share(),
		Marked:   len(p.Split.Rules) == 0 || p.Split.Weight > 0,
	}
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

// Same is the place of "as the baseline".
func (finding) Same() float64 { return present.AxisSame }

// LimitAt is the place of the tolerance.
func (finding) LimitAt() float64 { return present.AxisLimit }

// Width is the length of the interval.
func (f finding) Width() float64 { return f.Axis.High - f.Axis.Low }
