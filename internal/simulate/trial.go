package simulate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// Trial is what is simulated: a model under a load, judged by guardrails.
type Trial struct {
	Model Model
	Rate  float64 // requests per second, both versions
	Share float64 // of them that the candidate gets, 0 to 1
	// Shares are what it gets stage by stage in models that climb, each for an
	// equal part of Length; Share is not used then.
	Shares     []float64
	Length     time.Duration // of one life after its warm-up
	Guardrails []stagger.Guardrail
	Planned    time.Duration // how long the judge thinks it takes; 0 is Length
	// Subjects parts the requests by subject as the meter does, so that the
	// judge measures how far they depend on each other.
	Subjects bool
	// Plain asks when plain evidence would have been enough as well, for measuring:
	// it forgives nothing, and is not spread over late regressions.
	Plain bool
	// StayPlain forbids the judge to mind how far requests depend on each other,
	// for measuring what that is good for.
	StayPlain bool
	// WarmUp is that of the plan: the half-life of what a candidate that has just
	// started is allowed.
	WarmUp time.Duration
	// Hosts is how many hosts both versions have, the candidate's in proportion to
	// its share, and at least one; each meets as many requests as the others. 0
	// tells none. Models of pods have their own.
	Hosts int
	// Sparse reads the verdict only when a hundredth of the time since the onset
	// has passed since it was last read, at most five seconds while the candidate
	// is suspected and thirty else. The judge works all the same, and suspicion is
	// seen at once; other delays are up to 1% too long, and shorter holds for other
	// reasons are not seen.
	Sparse bool
}

// mostHosts bounds how many hosts a trial has.
const mostHosts = 1000

// Refused tells what is wrong with a trial, nil if nothing is.
func (t Trial) Refused() error {
	switch {
	case !(t.Rate > 0 && t.Rate <= 1e6):
		return fmt.Errorf("a rate of %g requests per second cannot be simulated; write more than 0, and 1000000 at most", t.Rate)
	case !t.Model.Climbs && !(t.Share > 0 && t.Share*t.skew() < 1):
		return fmt.Errorf("a share of %g leaves nothing to compare; write more than 0 and less than 1", t.Share)
	case t.Model.Climbs && len(t.Shares) == 0:
		return fmt.Errorf("the model %s climbs through stages, and there are none", t.Model.Name)
	case t.Length < time.Minute || t.Length > 1000*time.Hour:
		return fmt.Errorf("a life of %s cannot be simulated; write a minute to 1000 hours", t.Length)
	case t.Length <= t.Model.Onset:
		return fmt.Errorf("the model %s begins after %s; write a longer time than that", t.Model.Name, t.Model.Onset)
	case t.Hosts < 0 || t.Hosts == 1 || t.Hosts > mostHosts:
		return fmt.Errorf("%d hosts cannot be simulated; write 2 to %d, or 0 to tell none apart", t.Hosts, mostHosts)
	case len(t.Guardrails) == 0:
		return fmt.Errorf("there is no guardrail to try")
	case t.Model.needs != "" && !slices.ContainsFunc(t.Guardrails, func(g stagger.Guardrail) bool { return g.Signal == t.Model.needs }):
		return fmt.Errorf("the model %s needs a guardrail on the signal %s, and there is none", t.Model.Name, t.Model.needs)
	}
	for _, share := range t.Shares {
		if t.Model.Climbs && !(share > 0 && share < 1) {
			return fmt.Errorf("a stage of %g leaves nothing to compare", share)
		}
	}
	return nil
}

func (t Trial) skew() float64 {
	if t.Model.Skew == 0 {
		return 1
	}
	return t.Model.Skew
}

// warmUp is how long the judge learns what is usual before the candidate meets
// anybody, in ticks of warmTick.
const (
	warmUp   = 10 * time.Minute
	warmTick = 10 * time.Second
	tick     = time.Second
)

// Live simulates one life. The error is the context's, or tells what is wrong
// with the trial.
func (t Trial) Live(ctx context.Context, seed uint64) (Life, error) {
	if err := t.Refused(); err != nil {
		return unlived(), err
	}
	w := t.witness()
	err := t.Play(ctx, seed, func(s Scene) bool {
		w.see(s)
		return !w.life.over(&t)
	})
	return w.life, err
}

// Scene is a tick of a life and what goes with it.
type Scene struct {
	Tick   stagger.Tick
	At     time.Duration // of its end, since the candidate met its first request; 0 and less is the warm-up
	Share  float64       // of the requests that the candidate should get
	Begins bool          // a stage begins with it
}

// Play shows every tick of one life to watch, until it returns false or the life
// is over.
func (t Trial) Play(ctx context.Context, seed uint64, watch func(Scene) bool) error {
	traffic := NewTraffic(t.Model, t.Rate, t.Subjects, seed)
	traffic.hosts = t.Hosts
	traffic.ask(t.Guardrails)
	for at := -warmUp; at < 0; at += warmTick {
		if !watch(Scene{Tick: traffic.Tick(warmTick, 0, Moment{At: -warmUp, Length: t.Length}), At: at + warmTick}) {
			return nil
		}
	}
	before := 0.0
	for at := time.Duration(0); at < t.Length; at += tick {
		if at%time.Minute == 0 && ctx.Err() != nil {
			return fmt.Errorf("simulate %s: %w", t.Model.Name, context.Cause(ctx))
		}
		share := t.shareAt(at)
		now := traffic.Tick(tick, share*t.skew(), Moment{At: at, Length: t.Length})
		now.Share = &share
		if !watch(Scene{Tick: now, At: at + tick, Share: share, Begins: share != before}) {
			return nil
		}
		before = share
	}
	return nil
}

func (t Trial) shareAt(at time.Duration) float64 {
	if !t.Model.Climbs {
		return t.Share
	}
	stage := int(float64(len(t.Shares)) * float64(at) / float64(t.Length))
	return t.Shares[min(stage, len(t.Shares)-1)]
}
