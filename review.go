package stagger

import "time"

// Review is what a person makes of a rollout that is over. It changes nothing
// that was decided; it tells whether deciding so was right, for the counts that
// outcomes over months are made of. The newest review of a rollout stands.
type Review struct {
	Judgement Judgement `json:"judgement"`
	Reason    string    `json:"reason,omitempty"`
	Actor     string    `json:"actor"`
	At        time.Time `json:"at"`
}

// Judgement is a review in one word.
type Judgement string

// The judgements.
const (
	JudgementFalseAlarm Judgement = "false_alarm" // it was stopped, or held, for no fault of the candidate
	JudgementTrueAlarm  Judgement = "true_alarm"  // the candidate was at fault, and that was seen
	JudgementMissed     Judgement = "missed"      // the candidate was at fault, and that was not seen in time
)

// Judgements are all there are.
func Judgements() []Judgement {
	return []Judgement{JudgementFalseAlarm, JudgementTrueAlarm, JudgementMissed}
}
