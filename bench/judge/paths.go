package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
	"github.com/stagger-dev/stagger/internal/simulate"
)

// path is how the evidence on failures went in one life, second by second from
// From on: 0 is nothing and 1 enough to act.
type path struct {
	Model    string    `json:"model"`
	Seed     uint64    `json:"seed"`
	From     int       `json:"from_seconds"` // since the onset
	Suspect  []float64 `json:"suspect"`
	Rollback []float64 `json:"rollback"`
	Advice   []string  `json:"advice"`
}

// pathsOf watches a regression and a blip, with the guardrails of plans that say
// nothing.
func pathsOf(ctx context.Context, seed uint64) ([]path, error) {
	var out []path
	for _, row := range []struct {
		model    string
		from, to time.Duration // since the onset
	}{
		{"errors=1%", 0, 60 * time.Second},
		{"blip", -15 * time.Second, 240 * time.Second},
	} {
		p, err := pathOf(ctx, row.model, seed, row.from, row.to)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func pathOf(ctx context.Context, name string, seed uint64, from, to time.Duration) (path, error) {
	p := path{Model: name, Seed: seed, From: int(from.Seconds())}
	c := cell{model: name, rate: 1000, share: 0.05, length: time.Hour, harm: harmUsual}
	t, err := c.trial()
	if err != nil {
		return p, err
	}
	guards := guardrails(harmUsual)
	guards[0].Healthy, guards[1].Healthy = 0.002, 0.24 // so that a hold can be released
	j := judge.New(judge.Config{Baseline: simulate.Baseline, Candidate: simulate.Candidate, Guardrails: guards, Planned: time.Hour})
	err = t.Play(ctx, seed, func(s simulate.Scene) bool {
		if s.Begins {
			j.BeginStage(s.Tick.From)
		}
		j.Observe(s.Tick)
		if after := s.At - t.Model.Onset; s.At > 0 && after > from {
			p.add(j.Verdict(s.Tick.To))
			return after < to
		}
		return true
	})
	if err != nil {
		return p, fmt.Errorf("watch %s: %w", name, err)
	}
	return p, nil
}

// add takes in what the verdict says of failures.
func (p *path) add(v stagger.Verdict) {
	for _, f := range v.Findings {
		if f.Signal == stagger.SignalErrors {
			p.Suspect = append(p.Suspect, math.Round(1000*f.Suspect)/1000)
			p.Rollback = append(p.Rollback, math.Round(1000*f.Rollback)/1000)
		}
	}
	p.Advice = append(p.Advice, string(v.Advice))
}
