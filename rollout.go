package stagger

import "time"

// Rollout is one attempt to move a service from its baseline to a candidate.
// It is the fold of its history.
type Rollout struct {
	ID        string `json:"id"`
	Service   string `json:"service"`
	Baseline  string `json:"baseline"` // where a rollback goes
	Candidate string `json:"candidate"`
	Change    Change `json:"change"`
	Plan      Plan   `json:"plan"`
	Seed      string `json:"seed"`

	Phase Phase `json:"phase"`
	// Stage is the index of the stage that is active; len(Plan.Stages) while
	// baking; -1 while pending.
	Stage int `json:"stage"`
	// Weight is the share recorded for the candidate.
	Weight Weight `json:"weight"`
	// Manual tells that a person set the weight away from the stage's own.
	Manual bool `json:"manual,omitempty"`
	// ManualWeight is what that person set; a shed may undercut it.
	ManualWeight Weight `json:"manual_weight,omitempty"`
	// Hold says what keeps it from advancing; empty when nothing does.
	Hold Hold `json:"hold,omitempty"`
	// Shed is when traffic was cut to the probe; zero while it is not.
	Shed time.Time `json:"shed,omitzero"`
	// Blind is since when telemetry is missing; zero while it is not.
	Blind time.Time `json:"blind,omitzero"`
	// Alerted is since when an alert stands; zero while none does.
	Alerted time.Time `json:"alerted,omitzero"`
	// Reason says why it is where it is, to a person.
	Reason string `json:"reason"`

	CreatedAt time.Time `json:"created_at"`
	StageAt   time.Time `json:"stage_at,omitzero"` // when the stage, or the bake, began
	// Deadline is when the stage's timebox, or the bake, ends; zero when it
	// never does, has done so, or waits for a person.
	Deadline time.Time `json:"deadline,omitzero"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	// Converged is when the traffic was seen to follow the end.
	Converged time.Time `json:"converged,omitzero"`
	// Exposure is who had met the candidate when it ended, and when the traffic
	// had followed; nil before.
	Exposure *Exposure `json:"exposure,omitempty"`
	// Review is what a person made of it after its end; nil while nobody has.
	Review    *Review   `json:"review,omitempty"`
	UpdatedAt time.Time `json:"updated_at"`
	// Events is the number of events folded into it.
	Events uint64 `json:"events"`
}

// Change is what the candidate brings.
type Change struct {
	Kind    string `json:"kind,omitempty"` // code, config, schema, data, flag, model
	Commit  string `json:"commit,omitempty"`
	Author  string `json:"author,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Ticket  string `json:"ticket,omitempty"`
	Summary string `json:"summary,omitempty"`
}

// Phase is where a rollout stands.
type Phase string

// The phases. The last four are final.
const (
	PhasePending     Phase = "pending"     // recorded; nobody is exposed yet
	PhaseProgressing Phase = "progressing" // a stage runs
	PhaseWaiting     Phase = "waiting"     // a stage is kept open by Hold
	PhasePaused      Phase = "paused"      // a person stopped the ramp; judging goes on
	PhaseBaking      Phase = "baking"      // everybody is on the candidate, under watch
	PhasePromoted    Phase = "promoted"
	PhaseRolledBack  Phase = "rolled_back"
	PhaseAborted     Phase = "aborted"
	PhaseSuperseded  Phase = "superseded"
)

// Final says whether nothing follows.
func (p Phase) Final() bool {
	switch p {
	case PhasePromoted, PhaseRolledBack, PhaseAborted, PhaseSuperseded:
		return true
	case PhasePending, PhaseProgressing, PhaseWaiting, PhasePaused, PhaseBaking:
	}
	return false
}

// Hold names what keeps a rollout from advancing.
type Hold string

// The holds.
const (
	HoldNone    Hold = ""
	HoldSuspect Hold = "suspect" // the evidence looks bad, not yet proved
	HoldShed    Hold = "shed"    // cut to the probe
	HoldBlind   Hold = "blind"   // telemetry is missing
	HoldTimebox Hold = "timebox" // the timebox ended; a person decides
	HoldPaused  Hold = "paused"  // a person paused it
	HoldUnready Hold = "unready" // the candidate or the baseline has no healthy endpoint
)
