package engine

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// Create records a new rollout that c, a start, asks for: pending, with nobody
// exposed. Baseline is the version to come back to. The error is a
// *stagger.Error: CodeInvalid for a start that cannot be carried out,
// CodeConflict when the candidate is the baseline already.
func Create(id, baseline string, c stagger.Command, at time.Time) (Step, error) {
	if err := checkStart(c, baseline); err != nil {
		return Step{}, err
	}
	at = plain(at)
	r := stagger.Rollout{
		ID: id, Service: c.Start.Service, Baseline: baseline, Candidate: c.Start.Candidate,
		Change: c.Start.Change, Plan: c.Start.Plan, Seed: c.Start.Plan.Seed,
		Phase: stagger.PhasePending, Stage: -1, Reason: asked(c, "started "+baseline+" → "+c.Start.Candidate),
		CreatedAt: at, UpdatedAt: at, Events: 1,
	}
	if r.Seed == "" {
		r.Seed = id
	}
	e := stagger.Event{
		Rollout: id, Seq: 1, At: at, Kind: stagger.EventCreated, Actor: c.Actor, Reason: r.Reason,
		Phase: r.Phase, Stage: r.Stage, Created: &r, Command: c.ID,
	}
	return Step{Rollout: r, Events: []stagger.Event{e}, Split: Split(r)}, nil
}

func checkStart(c stagger.Command, baseline string) error {
	switch {
	case c.Start == nil:
		return refuse(stagger.CodeInvalid, "a start needs to say what to roll out")
	case c.Actor == "":
		return refuse(stagger.CodeInvalid, "say who starts the rollout: the actor is missing")
	case c.Start.Service == "" || c.Start.Candidate == "" || baseline == "":
		return refuse(stagger.CodeInvalid, "a start needs a service, its baseline and a candidate")
	case c.Start.Candidate == baseline:
		return refuse(stagger.CodeConflict, "%s is the baseline of %s already; nothing to roll out", baseline, c.Start.Service)
	case len(c.Start.Plan.Stages) == 0:
		return refuse(stagger.CodeInvalid, "the plan has no stage; write at least one")
	}
	return checkStages(c.Start.Plan.Stages)
}

// checkStages refuses a plan that would take subjects back.
func checkStages(stages []stagger.Stage) error {
	var before stagger.Weight
	for i, s := range stages {
		switch {
		case s.Weight > stagger.WeightFull:
			return refuse(stagger.CodeInvalid, "stage %d is beyond 100%%", i+1)
		case s.Shadow > stagger.WeightFull:
			return refuse(stagger.CodeInvalid, "stage %d mirrors beyond 100%%", i+1)
		case s.Weight < before:
			return refuse(stagger.CodeInvalid, "stage %d has %s after %s; a stage never takes subjects back", i+1, s.Weight, before)
		case s.MinTime < 0 || s.Timebox < 0:
			return refuse(stagger.CodeInvalid, "stage %d has a negative duration", i+1)
		}
		before = s.Weight
	}
	return nil
}
