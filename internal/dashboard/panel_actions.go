package dashboard

import "github.com/stagger-dev/stagger/internal/auth"

// offered is an action as the page offers it.
type offered struct {
	act

	Address string
	Refused string // why it is not to be had now
}

// actions are what a person may ask now. Nothing is offered where nobody would
// carry it out, and at the end of a rollout.
func (s *scene) actions() any {
	if s.dashboard.Ask == nil || s.Rollout.Phase.Final() {
		return nil
	}
	var all []offered
	denied := auth.Require(s.ctx, auth.Operator, "acting on a rollout")
	for _, a := range acts {
		o := offered{act: a, Address: rolloutURL(s.Rollout.ID) + "/act/" + a.Name}
		_, err := s.trial(a, actForm{Who: "somebody"})
		switch {
		case err != nil && takesTurns(a):
			continue
		case denied != nil:
			o.Refused = denied.Error()
		case err != nil:
			o.Refused = err.Error()
		}
		all = append(all, o)
	}
	return all
}

// takesTurns tells of pause and resume: what is not possible of them is not
// missed.
func takesTurns(a act) bool { return a.Name == "pause" || a.Name == "resume" }
