package stagger

import "time"

// Event is something that happened to a rollout. The history of events
// replays to the rollout, so each carries all that it changes.
type Event struct {
	Rollout string    `json:"rollout"`
	Seq     uint64    `json:"seq"` // 1 for the first of a rollout
	At      time.Time `json:"at"`
	Kind    EventKind `json:"kind"`
	Actor   string    `json:"actor"` // a person, or "stagger"
	Reason  string    `json:"reason"`

	// What it is after the event.
	Phase  Phase  `json:"phase"`
	Stage  int    `json:"stage"`
	Weight Weight `json:"weight"`
	Manual bool   `json:"manual,omitempty"`
	Hold   Hold   `json:"hold,omitempty"`

	// Verdict is the evidence a decision rested on.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Created is the rollout as it was recorded first; on EventCreated only.
	Created *Rollout `json:"created,omitempty"`
	// Exposure is who had met the candidate by then; on the events that end a
	// rollout, and on EventConverged.
	Exposure *Exposure `json:"exposure,omitempty"`
	// By is the rollout that supersedes; on EventSuperseded only.
	By string `json:"by,omitempty"`
	// Review is what a person made of it afterwards; on EventReviewed only.
	Review *Review `json:"review,omitempty"`
	// Command is the command that caused it, if one did.
	Command string `json:"command,omitempty"`
}

// EventKind names what happened.
type EventKind string

// What can happen to a rollout.
const (
	EventCreated      EventKind = "created"
	EventStageEntered EventKind = "stage_entered" // also the first
	EventHeld         EventKind = "held"
	EventReleased     EventKind = "released" // a hold ended
	EventShed         EventKind = "shed"
	EventRestored     EventKind = "restored" // a shed weight came back: it was a blip
	EventBlinded      EventKind = "blinded"
	EventSighted      EventKind = "sighted" // telemetry came back
	EventTimeboxEnded EventKind = "timebox_ended"
	EventPaused       EventKind = "paused"
	EventResumed      EventKind = "resumed"
	EventWeightSet    EventKind = "weight_set"
	EventAlerted      EventKind = "alerted"
	EventCleared      EventKind = "cleared" // an alert ended
	EventBaking       EventKind = "baking"
	EventPromoted     EventKind = "promoted"
	EventRolledBack   EventKind = "rolled_back"
	EventAborted      EventKind = "aborted"
	EventSuperseded   EventKind = "superseded"
	EventConverged    EventKind = "converged" // the observed share reached the wanted one after the end
	EventReviewed     EventKind = "reviewed"  // a person judged what became of it, after the end
)

// Command is what a person asks of a rollout.
type Command struct {
	ID      string  `json:"id"` // also the idempotency key
	Verb    Verb    `json:"verb"`
	Service string  `json:"service,omitempty"` // of a start
	Rollout string  `json:"rollout,omitempty"` // of anything else
	Start   *Start  `json:"start,omitempty"`
	Weight  *Weight `json:"weight,omitempty"`
	All     bool    `json:"all,omitempty"` // promote to everybody, not just the next stage
	// Judgement is that of a review.
	Judgement Judgement `json:"judgement,omitempty"`
	Actor     string    `json:"actor"`
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	Result    *Result   `json:"result,omitempty"` // nil until it was carried out
}

// Start is what a rollout starts from.
type Start struct {
	Service   string `json:"service"`
	Candidate string `json:"candidate"`
	Change    Change `json:"change"`
	Plan      Plan   `json:"plan"`
}

// Result is what became of a command.
type Result struct {
	Rollout string    `json:"rollout,omitempty"`
	Error   *Error    `json:"error,omitempty"`
	At      time.Time `json:"at"`
}

// Verb is what a command does.
type Verb string

// The verbs.
const (
	VerbStart    Verb = "start"
	VerbPause    Verb = "pause"
	VerbResume   Verb = "resume"
	VerbPromote  Verb = "promote"
	VerbRollback Verb = "rollback"
	VerbAbort    Verb = "abort"
	VerbWeight   Verb = "weight"
	VerbReview   Verb = "review" // of one that is over
)
