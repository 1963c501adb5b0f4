package engine

import (
	"slices"
	"strings"

	"github.com/stagger-dev/stagger"
)

// review records what a person makes of a rollout that is over. Nothing but
// the rollout's review changes; the evidence of the moment has no part in it.
func (t *turn) review(c stagger.Command) error {
	switch {
	case !slices.Contains(stagger.Judgements(), c.Judgement):
		return refuse(stagger.CodeInvalid, "no judgement %q; write false_alarm, true_alarm or missed", c.Judgement)
	case !t.rollout.Phase.Final():
		return refuse(stagger.CodeConflict, "the rollout is %s; it can be reviewed once it is over", words(t.rollout.Phase))
	}
	marked := "called it a " + strings.ReplaceAll(string(c.Judgement), "_", " ")
	if c.Judgement == stagger.JudgementMissed {
		marked = "called it a harm that was missed"
	}
	t.record(stagger.EventReviewed, asked(c, marked), by(c, func(e *stagger.Event) {
		e.Verdict = nil
		e.Review = &stagger.Review{Judgement: c.Judgement, Reason: c.Reason, Actor: c.Actor, At: e.At}
	}))
	return nil
}
