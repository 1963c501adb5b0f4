package risk

import "github.com/stagger-dev/stagger"

// Measured is a baseline as a version did over some seconds, drawn through its
// p50, p95 and p99. Its latency is nil when too little was measured.
func Measured(l stagger.Level, source string) Baseline {
	return Baseline{
		Errors: l.Errors, Latency: Through(l.P50, l.P95, l.P99),
		Source: source + ", drawn through its p50, p95 and p99",
	}
}

// Remembered is the version that is trusted after a rollout, as it did in the
// rollout's last seconds, and the requests per second of both versions.
func Remembered(r stagger.Rollout, p stagger.Progress) (b Baseline, version string, rate float64) {
	level, version := p.Baseline, r.Baseline
	if r.Phase == stagger.PhasePromoted {
		level, version = p.Candidate, r.Candidate // it is the baseline now
	}
	return Measured(level, version+" in the last seconds of "+r.ID), version, p.Baseline.Rate + p.Candidate.Rate
}
