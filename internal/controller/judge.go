package controller

import "github.com/stagger-dev/stagger/internal/judge"

// StatisticalJudge makes the judge of package judge. It is the one a controller
// uses when its configuration names no other.
func StatisticalJudge(c Case, state []byte) (Judge, error) {
	config := judge.Config{
		Baseline: c.Baseline, Candidate: c.Candidate, Guardrails: c.Guardrails,
		Planned: c.Planned, BlindAfter: c.BlindAfter, Stages: c.Stages, WarmUp: c.WarmUp,
	}
	if state == nil {
		j := judge.New(config)
		j.Heed(c.Watch)
		return j, nil
	}
	j, err := judge.Restore(config, state)
	if err != nil {
		return nil, err
	}
	j.Recount() // who came is remembered by the process that counted
	return j, nil
}
