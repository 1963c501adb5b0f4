package controller

import (
	"context"
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// report tells people how the rollout does now.
func (s *service) report(ctx context.Context, now time.Time) {
	if s.rollout.ID == "" {
		return
	}
	p := stagger.Progress{
		Rollout: s.rollout.ID, At: now, Split: engine.Split(s.rollout), Verdict: s.court.last,
		Observed:  max(s.senses.share(s.rollout.Candidate, time.Time{}), 0),
		Baseline:  s.level(s.rollout.Baseline),
		Candidate: s.level(s.rollout.Candidate),
		Exposure:  s.court.exposure(),
	}
	s.lookOn(p.Baseline, p.Candidate)
	p.Needs = engine.Needs(s.rollout, s.court.last, s.court.needs(p.Candidate.Rate), p.Candidate.Rate)
	p.Next, p.NextAt = engine.Upcoming(s.rollout, s.court.last, s.readiness(), p.Needs, now)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	s.journalSaid("keep the progress", s.config.Journal.SaveProgress(ctx, p), now)
}

// level is how version did over the last seconds.
func (s *service) level(version string) stagger.Level {
	var (
		span     time.Duration
		started  uint64
		outcomes stagger.Outcomes
		latency  []stagger.Histogram
		level    stagger.Level
	)
	for _, t := range s.senses.recent {
		span += t.To.Sub(t.From)
		for _, o := range t.Observations {
			if o.Version == version {
				started += o.Started
				outcomes = outcomes.Add(o.Outcomes)
				latency = append(latency, o.Latency)
			}
		}
	}
	if span > 0 {
		level.Rate = float64(started) / span.Seconds()
	}
	if n := outcomes.Finished(); n > 0 {
		level.Errors = float64(outcomes.Failed()) / float64(n)
	}
	h := histogram.Sum(latency...)
	level.P50, level.P95, level.P99 = quantile(h, 0.50), quantile(h, 0.95), quantile(h, 0.99)
	if source, ok := s.config.Source.(interface {
		InFlight(service, version string) int64
	}); ok {
		level.InFlight = source.InFlight(s.name, version)
	}
	level.Saturation = s.saturation(version)
	level.Readings = s.senses.told.readings(version, s.rollout.Plan.Guardrails)
	level.Backlog = backlog(level.Readings)
	return level
}

// saturation is how much of the concurrency limit of version is in use.
func (s *service) saturation(version string) *float64 {
	if s.config.Strains == nil {
		return nil
	}
	for _, strain := range s.config.Strains.Strain(s.name) {
		if strain.Version == version && strain.Limit > 0 {
			return &strain.Saturation
		}
	}
	return nil
}

// needs is what the judge lacks to call the stage healthy.
func (c *court) needs(perSecond float64) []stagger.Need {
	if judge, ok := c.judge.(interface {
		Needs(perSecond float64) []stagger.Need
	}); ok {
		return judge.Needs(perSecond)
	}
	return nil
}

// quantile is the middle of the bucket that holds the q-quantile, in seconds.
func quantile(h stagger.Histogram, q float64) float64 {
	low, high := histogram.Quantile(h, q)
	return math.Sqrt(low * high)
}
