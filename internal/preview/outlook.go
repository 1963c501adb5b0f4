package preview

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/risk"
)

// Outlook is what a plan would see.
type Outlook struct {
	Service   string  `json:"service"`
	Candidate string  `json:"candidate"`
	Rate      float64 `json:"rate"`              // requests per second of the service
	Assumed   bool    `json:"assumed,omitempty"` // nobody knows that rate
	Users     float64 `json:"users,omitempty"`   // 0 is unknown
	Baseline  Known   `json:"baseline"`
	// Expected is how many seconds a healthy candidate needs until the bake is
	// over; 0 when half of them would not get there by themselves.
	Expected float64 `json:"expected"`
	// Replicates is how many lives of each stage were simulated for each harm; 0
	// is none: then all figures are by formula.
	Replicates int             `json:"replicates"`
	Seed       uint64          `json:"seed"`
	Stages     []risk.Forecast `json:"stages" nullable:"false"`
	Course     []risk.Lap      `json:"course" nullable:"false"`
	Alarms     []Alarm         `json:"alarms" nullable:"false"`
	// FalseRollback bounds the chance that a candidate which is no worse than
	// tolerated is rolled back, over the whole rollout: the sum of the budgets of
	// all guardrails that roll back.
	FalseRollback float64 `json:"false_rollback"`
	// Unseen are harms that were left out, each with the reason.
	Unseen []string `json:"unseen,omitempty"`
}

// Known is what the forecast rests on.
type Known struct {
	Errors float64 `json:"errors"`
	P50    float64 `json:"p50"` // seconds; 0 is unknown
	P95    float64 `json:"p95"`
	P99    float64 `json:"p99"`
	Source string  `json:"source"`
}

// Alarm is what a guardrail may cost: the chance, over the whole rollout, of
// acting on a harm that is not there.
type Alarm struct {
	Signal stagger.Signal `json:"signal"`
	Metric string         `json:"metric,omitempty"`
	Action stagger.Action `json:"action"`
	Alpha  float64        `json:"alpha"`
}

// Of sums up the forecasts of all stages of a question about a start.
func Of(start stagger.Start, q risk.Question, stages []risk.Forecast) Outlook {
	b := q.Baseline
	out := Outlook{
		Service: start.Service, Candidate: start.Candidate, Rate: q.Rate, Users: q.Users, Replicates: q.Replicates, Seed: q.Seed,
		Baseline: Known{Errors: b.Errors, P50: b.Level(0.5), P95: b.Level(0.95), P99: b.Level(0.99), Source: b.Source},
		Stages:   stages, Course: q.Course(stages), Alarms: []Alarm{},
	}
	out.Expected = risk.Usually(out.Course)
	for _, g := range start.Plan.Guardrails {
		out.Alarms = append(out.Alarms, Alarm{Signal: g.Signal, Metric: g.Metric, Action: g.Action, Alpha: g.Alpha})
		if g.Action == stagger.ActionRollback {
			out.FalseRollback = min(out.FalseRollback+g.Alpha, 1)
		}
	}
	return out
}
