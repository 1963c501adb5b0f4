package preview

import (
	"context"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/risk"
)

// Ask is what somebody wants to know.
type Ask struct {
	// Rollout is the rollout file, File what problems call it.
	File    string
	Rollout []byte
	// Traffic takes the place of what was measured.
	Traffic Traffic
	// Assume is how many requests per second are taken where nobody knows; 0
	// refuses.
	Assume float64
	// Harms are those to forecast, as risk.ParseHarm reads them; none are the
	// usual ones.
	Harms []string
	// Lenient leaves out harms that the plan does not guard against or that the
	// baseline does anyway, and says so, in place of refusing them.
	Lenient bool
	// Replicates is how many lives of each stage are simulated for each harm; 0
	// asks for the formula alone.
	Replicates int
	Seed       uint64
}

// Traffic is what a service gets and how its baseline does. What is zero is left
// to what was measured.
type Traffic struct {
	Rate float64 `json:"rate,omitempty" minimum:"0" maximum:"10000000" doc:"Requests per second of the service; what was measured when absent."`
	// Errors counts where P50 and P99 are given as well.
	Errors *float64 `json:"errors,omitempty" minimum:"0" maximum:"1" doc:"The share of requests that fails on the baseline; what was measured when absent."`
	P50    float64  `json:"p50,omitempty" minimum:"0" maximum:"3600" doc:"The baseline's median latency in seconds; with p99, in place of what was measured."`
	P99    float64  `json:"p99,omitempty" minimum:"0" maximum:"3600" doc:"The baseline's 99th percentile in seconds."`
	Users  float64  `json:"users,omitempty" minimum:"0" maximum:"100000000000" doc:"How many users the service has while it is rolled out, to tell how many are exposed."`
}

// The bounds of what a server forecasts for others: it has users to serve.
const (
	mostLives = 4000
	patience  = 2 * time.Minute
)

// Desk answers those who ask a server: one simulation at a time, on one core,
// and none for ever. The formula costs next to nothing and is never kept waiting.
type Desk struct {
	witness Witness
	turn    chan struct{}
}

// NewDesk returns a desk that asks w for what was measured.
func NewDesk(w Witness) *Desk { return &Desk{witness: w, turn: make(chan struct{}, 1)} }

// Preview answers an ask. What is wrong with the rollout file is config.Problems,
// anything else a *stagger.Error.
func (d *Desk) Preview(ctx context.Context, a Ask) (Outlook, error) {
	start, err := config.ParseRollout(a.File, a.Rollout)
	if err != nil {
		return Outlook{}, err
	}
	q := risk.Question{Plan: start.Plan, Replicates: a.Replicates, Seed: a.Seed, Users: a.Traffic.Users}
	if q.Baseline, q.Rate, err = d.baseline(ctx, start.Service, a); err != nil {
		return Outlook{}, err
	}
	assumed := q.Rate == 0 && a.Assume > 0
	if assumed {
		q.Rate = a.Assume
	}
	var unseen []string
	if q.Harms, unseen, err = a.harms(q); err != nil {
		return Outlook{}, err
	}
	if err := check(q); err != nil {
		return Outlook{}, err
	}
	stages, err := d.stages(ctx, q)
	if err != nil {
		return Outlook{}, err
	}
	out := Of(start, q, stages)
	out.Unseen, out.Assumed = unseen, assumed
	return out, nil
}

// baseline is what is known of the traffic: what was given, else what was
// measured, else what is usual.
func (d *Desk) baseline(ctx context.Context, service string, a Ask) (b risk.Baseline, rate float64, err error) {
	t := a.Traffic
	b, rate, err = d.witness.Of(ctx, service)
	switch {
	case stagger.CodeOf(err) != stagger.CodeNotFound && err != nil:
		return b, 0, err
	case err != nil && t.Rate == 0 && a.Assume == 0:
		return b, 0, invalid("%s; write how many requests per second the service gets", err.Error())
	case err != nil:
		b, rate, err = risk.Usual(), 0, nil
	}
	if t.Rate > 0 {
		rate = t.Rate
	}
	if t.Errors != nil {
		b.Errors = *t.Errors
	}
	if t.P50 > 0 || t.P99 > 0 {
		b, err = risk.Typed(b.Errors, t.P50, t.P99)
	} else if t.Errors != nil {
		b.Source = "errors as they were given; latency: " + b.Source
	}
	if err != nil {
		return b, 0, invalid("%v", err)
	}
	return b, rate, nil
}

// harms reads those that were asked about.
func (a Ask) harms(q risk.Question) (harms []risk.Harm, unseen []string, err error) {
	if len(a.Harms) == 0 {
		return q.Usually(), nil, nil
	}
	for _, text := range a.Harms {
		h, err := risk.ParseHarm(text)
		switch {
		case err != nil:
			return nil, nil, invalid("%v", err)
		case a.Lenient && !q.Guarded(h):
			unseen = append(unseen, fmt.Sprintf("nobody would see %s: the plan has no guardrail on %s", h.Words(), h.Signal))
		case a.Lenient && !h.Possible(q.Baseline):
			unseen = append(unseen, fmt.Sprintf("%s is no harm to this baseline, which does so already or of which too little is known", h.Words()))
		default:
			harms = append(harms, h)
		}
	}
	return harms, unseen, nil
}

func check(q risk.Question) error {
	err := q.CheckFormula()
	lives := len(q.Plan.Stages) * (len(q.Harms) + 1) * q.Replicates
	switch {
	case err != nil:
	case q.Replicates < 0:
		err = fmt.Errorf("%d lives cannot be simulated; write 0 or more", q.Replicates)
	case lives > mostLives:
		err = fmt.Errorf("that would be %d lives to simulate, and a server simulates %d at most; ask for fewer, or use 'stagger plan', which has a machine for itself", lives, mostLives)
	}
	if err != nil {
		return invalid("%v", err)
	}
	return nil
}

// stages forecasts, and waits for its turn where that is work.
func (d *Desk) stages(ctx context.Context, q risk.Question) ([]risk.Forecast, error) {
	if q.Replicates == 0 {
		return Stages(ctx, q, 1)
	}
	long, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-long.Done():
		return nil, tooLong(ctx)
	}
	stages, err := Stages(long, q, 1)
	if err != nil {
		return nil, tooLong(ctx)
	}
	return stages, nil
}

// tooLong tells those who still wait why they wait no more.
func tooLong(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &stagger.Error{Code: stagger.CodeUnavailable, Message: fmt.Sprintf("the simulation took more than %s; ask for fewer lives, or use 'stagger plan'", patience)}
}

func invalid(format string, args ...any) error {
	return &stagger.Error{Code: stagger.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}
