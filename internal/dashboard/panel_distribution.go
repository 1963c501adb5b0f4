package dashboard

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// distributionPanel is how long requests took on both versions, in the stage
// under way.
type distributionPanel struct {
	CDF, Histogram           chart
	CDFWords, HistogramWords string
	Baseline, Candidate      string // how many requests
	Rows                     []percentile
}

// percentile is a row of the table behind the plots.
type percentile struct{ Name, Of, On, Ratio string }

func (s *scene) distribution() any {
	d, err := s.dashboard.Store.Distribution(s.ctx, s.Rollout.ID)
	if err != nil && s.ctx.Err() == nil && stagger.CodeOf(err) != stagger.CodeNotFound {
		s.dashboard.Log.Error("the latencies of a rollout cannot be shown", "rollout", s.Rollout.ID, "error", err)
	}
	l := d.Stage
	if l.Baseline.Total == 0 || l.Candidate.Total == 0 {
		return nil
	}
	p := distributionPanel{
		Baseline: present.Count(l.Baseline.Total), Candidate: present.Count(l.Candidate.Total), Rows: percentiles(l),
	}
	p.CDF, p.Histogram = s.curves(l)
	p.CDFWords = "how many requests took no longer than so long; " + p.Rows[0].words(s.Rollout) + ", " + p.Rows[4].words(s.Rollout)
	p.HistogramWords = "how many requests took so long; mean " + p.Rows[6].Of + " on " + s.Rollout.Baseline + " and " + p.Rows[6].On + " on " + s.Rollout.Candidate
	return p
}

func (p percentile) words(r stagger.Rollout) string {
	return p.Name + " " + p.Of + " on " + r.Baseline + " and " + p.On + " on " + r.Candidate
}

func percentiles(l stagger.Latencies) []percentile {
	row := func(name string, of, on float64) percentile {
		p := percentile{Name: name, Of: present.Latency(of), On: present.Latency(on), Ratio: present.Unknown}
		if of > 0 && on > 0 {
			p.Ratio = present.Ratio(on / of)
		}
		return p
	}
	b, c := l.Baseline, l.Candidate
	return []percentile{
		row("p50", b.P50, c.P50), row("p75", b.P75, c.P75), row("p90", b.P90, c.P90), row("p95", b.P95, c.P95),
		row("p99", b.P99, c.P99), row("p99.9", b.P999, c.P999), row("mean", b.Mean, c.Mean),
	}
}

// curves draws the bins that hold anything, with an empty one at either side.
func (s *scene) curves(l stagger.Latencies) (cdf, histogram chart) {
	from, to := occupied(l)
	of, on := shares(l.Baseline, from, to), shares(l.Candidate, from, to)
	x := numbers(l.Bounds[from:to])
	lines := func(a, b numbers, steps string) []line {
		return []line{
			{Label: s.Rollout.Baseline, Tone: "base", Dash: "dash", Values: a, Steps: steps},
			{Label: s.Rollout.Candidate, Tone: "trial", Values: b, Steps: steps},
		}
	}
	cdf = chart{X: x, Log: true, XUnit: unitSeconds, Unit: unitShare, Height: 200, Range: &extent{0, 1.02}, Series: lines(of.summed, on.summed, "")}
	for _, q := range []struct {
		at    float64
		label string
	}{{0.5, "p50"}, {0.9, "p90"}, {0.99, "p99"}} {
		cdf.Limits = append(cdf.Limits, limit{At: q.at, Label: q.label, Tone: "muted"})
	}
	histogram = chart{X: x, Log: true, XUnit: unitSeconds, Unit: unitShare, Height: 200, Series: lines(of.each, on.each, stepsBefore)}
	return cdf, histogram
}

// occupied is the range of bins to be drawn.
func occupied(l stagger.Latencies) (from, to int) {
	from, to = len(l.Bounds), 0
	for i := range l.Bounds {
		if l.Baseline.Counts[i]+l.Candidate.Counts[i] > 0 {
			from, to = min(from, i), i+1
		}
	}
	return max(from-1, 0), min(to+1, len(l.Bounds))
}

// spread is a version's distribution.
type spread struct{ each, summed numbers }

func shares(c stagger.LatencyCounts, from, to int) spread {
	var s spread
	sum := uint64(0)
	for _, n := range c.Counts[:from] {
		sum += n
	}
	for _, n := range c.Counts[from:to] {
		sum += n
		s.each, s.summed = append(s.each, part(n, c.Total)), append(s.summed, part(sum, c.Total))
	}
	return s
}
