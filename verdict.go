package stagger

import "time"

// Verdict is what the evidence says at one moment, and why.
type Verdict struct {
	At      time.Time `json:"at"`
	Outcome Outcome   `json:"outcome"`
	// Advice is the strongest action the evidence asks for.
	Advice Advice `json:"advice"`
	// Signal is the one that decides; empty while none does.
	Signal Signal `json:"signal,omitempty"`
	// Sentence says it to a person.
	Sentence string `json:"sentence"`
	// Uncertified says why nothing is rolled back on this evidence; empty
	// while the assumptions hold.
	Uncertified string `json:"uncertified,omitempty"`
	Baseline    Sample `json:"baseline"`
	Candidate   Sample `json:"candidate"`
	// Mirrored counts the mirrored requests that were judged since the stage
	// began.
	Mirrored uint64    `json:"mirrored,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	// Ledger says what each answer may cost in false alarms, and how far its
	// evidence is.
	Ledger []Account `json:"ledger,omitempty"`
}

// Outcome is the verdict in one word.
type Outcome string

// The four verdicts.
const (
	OutcomeHealthy      Outcome = "healthy"
	OutcomeRegressed    Outcome = "regressed"
	OutcomeInconclusive Outcome = "inconclusive" // too little evidence yet
	OutcomeBlind        Outcome = "blind"        // telemetry missing, stale or contradictory
)

// Advice is what a verdict asks the engine to do.
type Advice string

// The advices, mildest first.
const (
	AdviseNothing  Advice = "none"
	AdviseAlert    Advice = "alert"    // a guardrail that only alerts is crossed
	AdviseHold     Advice = "hold"     // suspect: freeze the ramp, keep the weight
	AdviseShed     Advice = "shed"     // catastrophe: cut to a probe now
	AdviseRollback Advice = "rollback" // proved beyond any allowed blip
)

// Sample is how much was judged since the stage began, and in all.
type Sample struct {
	Requests uint64 `json:"requests"` // since the rollout began
	Failed   uint64 `json:"failed"`
	Stage    uint64 `json:"stage"` // requests since the stage began
}

// Finding is what one guardrail sees.
type Finding struct {
	Signal Signal `json:"signal"`
	// Slot tells latency quantiles apart: "p50" to "p99.9".
	Slot string `json:"slot,omitempty"`
	// Metric is that of the guardrail, where it names one.
	Metric  string  `json:"metric,omitempty"`
	Route   string  `json:"route,omitempty"` // the route that contributes most, where one does
	Outcome Outcome `json:"outcome"`
	Action  Action  `json:"action"`
	// Baseline and Candidate are the measured levels: a share for errors,
	// seconds for a latency quantile.
	Baseline  float64 `json:"baseline"`
	Candidate float64 `json:"candidate"`
	// CandidateLow and CandidateHigh bound Candidate at all times at once with
	// 95 % confidence, latency widened to bucket edges; both are 0 where that
	// is not known, CandidateHigh where it is unbounded.
	CandidateLow  float64 `json:"candidate_low"`
	CandidateHigh float64 `json:"candidate_high"`
	// Estimate compares them: candidate over baseline, as odds for errors and
	// as durations for latency. Low and High bound it at all times at once
	// with 95 % confidence; High is 0 where it is unbounded.
	Estimate float64 `json:"estimate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	// Tolerance is the limit on Estimate.
	Tolerance float64 `json:"tolerance"`
	// Suspect, Rollback and Healthy are how far the evidence is: 0 nothing, 1
	// enough to act on (log e over log 1/alpha).
	Suspect  float64 `json:"suspect"`
	Rollback float64 `json:"rollback"`
	Healthy  float64 `json:"healthy"`
	// Rung says how requests that depend on each other are allowed for:
	// "plain" (they do not), "users", "blocks" or "tempered"; empty while
	// that is not measured. Dispersion is by what factor counts vary more
	// than those of independent requests.
	Rung       string  `json:"rung,omitempty"`
	Dispersion float64 `json:"dispersion,omitempty"`
	Sentence   string  `json:"sentence"`
}

// Account is one line of the ledger: what one answer may cost.
type Account struct {
	Use   Use     `json:"use"`
	Level float64 `json:"level"` // the chance of giving the answer without cause
	Per   string  `json:"per"`   // what the chance is of: "rollout", "stage", "30 days"
	// Evidence is how far the answer is: 0 nothing, 1 given (log e over log
	// 1/level).
	Evidence float64 `json:"evidence"`
	// Parts say how the level is spread over what is asked; they add up to 1.
	Parts []Part `json:"parts,omitempty"`
}

// Part is the share of a level that one slot of a signal has.
type Part struct {
	Signal Signal  `json:"signal"`
	Slot   string  `json:"slot,omitempty"`
	Metric string  `json:"metric,omitempty"`
	Weight float64 `json:"weight"`
}

// Use is what a level is spent on.
type Use string

// What levels are spent on.
const (
	UseRollback Use = "rollback" // proof beyond blips
	UseHold     Use = "hold"     // suspicion
	UseShed     Use = "shed"     // a catastrophe
	UseSplit    Use = "split"    // the traffic is not split as it should be
	UseHealthy  Use = "healthy"  // a stage called healthy that is not
	UsePlacebo  Use = "placebo"  // the assumptions called false that hold
	UsePast     Use = "past"     // the baseline called worse than before
)

// Path is how the evidence of a rollout grew: points in order of time, as many
// in each list. Older ones are thinned, so that there are never many.
type Path struct {
	// Step is the least time between two points, but for the newest and those
	// at which the advice changed.
	Step   time.Duration `json:"step"`
	At     []time.Time   `json:"at"`
	Advice []Advice      `json:"advice"`
	Slots  []PathSlot    `json:"slots"`
}

// PathSlot is one finding over time; its numbers are those of Finding, to five
// digits, and 0 where there was no such finding.
type PathSlot struct {
	Signal    Signal    `json:"signal"`
	Slot      string    `json:"slot,omitempty"`
	Metric    string    `json:"metric,omitempty"`
	Tolerance float64   `json:"tolerance"`
	Estimate  []float64 `json:"estimate"`
	Low       []float64 `json:"low"`
	High      []float64 `json:"high"` // 0 is unbounded
	Suspect   []float64 `json:"suspect"`
	Rollback  []float64 `json:"rollback"`
	Healthy   []float64 `json:"healthy"`
}
