package dashboard

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// coursePanel is how both versions did since the rollout began, side by side.
type coursePanel struct {
	Plots []coursePlot
	Over  timeline
	Key   []present.Sign // what the marks mean
}

// coursePlot is one thing that was measured, with the table behind it.
type coursePlot struct {
	ID, Name string
	Now      string // the newest values in words
	Chart    chart
	Columns  []string
	Rows     []courseRow
}

// courseRow is a moment in words.
type courseRow struct {
	At     time.Time
	Values []string
}

// courseTold is how many rows the table behind a plot has.
const courseTold = 12

func (s *scene) course() any {
	c, err := s.dashboard.Store.Course(s.ctx, s.Rollout.ID)
	if err != nil && s.ctx.Err() == nil && stagger.CodeOf(err) != stagger.CodeNotFound {
		s.dashboard.Log.Error("the course of a rollout cannot be shown", "rollout", s.Rollout.ID, "error", err)
	}
	if len(c.At) < 2 {
		return nil
	}
	marks, key := s.marks(c.At[0], c.At[len(c.At)-1])
	p := coursePanel{Over: timeline{At: c.At, Marks: marks}, Key: key}
	for i, m := range s.measures(c) {
		plot := m.plot(c.At)
		plot.ID = fmt.Sprintf("course-%d", i)
		p.Plots = append(p.Plots, plot)
	}
	return p
}

// measure is one thing that was measured, of one or both versions.
type measure struct {
	name  string
	unit  unit
	lines []line
}

// measures are those of which anything is known.
func (s *scene) measures(c stagger.Course) []measure {
	b, t := c.Baseline, c.Candidate
	both := func(name string, u unit, of, on stagger.Series) measure {
		return measure{name, u, []line{s.ofBaseline("", of), s.onCandidate("", on)}}
	}
	wished := line{Label: "wished", Tone: "ink", Dash: "dash", Values: numbers(c.Wished), Steps: stepsAfter}
	observed := line{Label: "observed", Tone: "trial", Values: numbers(c.Observed)}
	quick, quickOn := s.ofBaseline(" p50", b.P50), s.onCandidate(" p50", t.P50)
	quick.Thin, quickOn.Thin = true, true
	all := []measure{
		{"share on " + s.Rollout.Candidate, unitShare, []line{wished, observed}},
		both("requests/s", unitRate, b.Rate, t.Rate),
		both("errors", unitShare, b.Errors, t.Errors),
		{"latency p50 and p99", unitSeconds, []line{quick, quickOn, s.ofBaseline(" p99", b.P99), s.onCandidate(" p99", t.P99)}},
		both("in flight", unitCount, b.InFlight, t.InFlight),
		both("saturation", unitShare, b.Saturation, t.Saturation),
		both("backlog", unitCount, b.Backlog, t.Backlog),
	}
	for i, r := range b.Readings {
		if i < len(t.Readings) {
			all = append(all, both(r.Metric, unitCount, r.Values, t.Readings[i].Values))
		}
	}
	return slices.DeleteFunc(all, func(m measure) bool {
		return !slices.ContainsFunc(m.lines, func(l line) bool { return stagger.Series(l.Values).Known() })
	})
}

func (s *scene) ofBaseline(what string, values stagger.Series) line {
	return line{Label: s.Rollout.Baseline + what, Tone: "base", Dash: "dash", Values: numbers(values)}
}

func (s *scene) onCandidate(what string, values stagger.Series) line {
	return line{Label: s.Rollout.Candidate + what, Tone: "trial", Values: numbers(values)}
}

func (m measure) plot(at []time.Time) coursePlot {
	p := coursePlot{Name: m.name, Chart: chart{Unit: m.unit, Height: 150, Series: m.lines}}
	told := slices.Compact(append([]int{0}, present.Columns(at, courseTold)...))
	for _, i := range told {
		p.Rows = append(p.Rows, courseRow{At: at[i], Values: m.said(i)})
	}
	for i, l := range m.lines {
		p.Columns = append(p.Columns, l.Label)
		if i > 0 {
			p.Now += ", "
		}
		p.Now += l.Label + " " + m.said(len(at) - 1)[i]
	}
	return p
}

// said are the values at moment i in words.
func (m measure) said(i int) []string {
	said := make([]string, len(m.lines))
	for k, l := range m.lines {
		x, known := stagger.Series(l.Values).At(i)
		if !known {
			x = math.NaN()
		}
		said[k] = m.unit.say(x)
	}
	return said
}

// say writes a value as static/chart.js does.
func (u unit) say(x float64) string {
	switch {
	case math.IsNaN(x):
		return present.Unknown
	case u == unitShare:
		return present.Share(x)
	case u == unitSeconds:
		return present.Latency(x)
	case u == unitRate:
		return present.Rate(x)
	}
	return present.Plain(x)
}
