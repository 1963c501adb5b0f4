package simulate

import (
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// Never is the delay of what did not happen.
const Never = time.Duration(-1)

// Life is what the judge said over one life, as delays since the model's onset,
// or Never. For models without an onset that is since the first request that the
// candidate met.
type Life struct {
	Suspect  time.Duration // the candidate looked bad: it asked to hold, or for more
	Shared   time.Duration // it asked to hold for what both versions suffer
	Split    time.Duration // the traffic was not split as it should be
	Shed     time.Duration
	Rollback time.Duration
	Healthy  time.Duration // a stage was called healthy
	Placebo  time.Duration // the placebo alarmed: the assumptions do not hold
	Plain    time.Duration // plain evidence, which forgives nothing, was enough
}

func unlived() Life {
	return Life{
		Suspect: Never, Shared: Never, Split: Never, Shed: Never, Rollback: Never, Healthy: Never, Placebo: Never, Plain: Never,
	}
}

// AlphaPlain is the level that plain evidence is held to.
const AlphaPlain = 0.01

// note keeps when a verdict said something for the first time.
func (l *Life) note(v stagger.Verdict, after time.Duration, suspected bool) {
	if after <= 0 {
		if v.Advice == stagger.AdviseRollback {
			l.Rollback = 0 // before there was any reason to
		}
		return
	}
	split := unsplit(v, suspected)
	first(&l.Healthy, v.Outcome == stagger.OutcomeHealthy, after)
	first(&l.Split, split, after)
	first(&l.Shared, v.Advice == stagger.AdviseHold && !suspected && !split, after)
	first(&l.Shed, v.Advice == stagger.AdviseShed, after)
	first(&l.Rollback, v.Advice == stagger.AdviseRollback, after)
}

// first keeps when something was so for the first time.
func first(when *time.Duration, is bool, after time.Duration) {
	if is && *when == Never {
		*when = max(after, 0)
	}
}

// over says whether nothing more is to be seen: what is proved stays proved, and
// where the guardrail in question does not roll back, suspicion is all there can
// be.
func (l *Life) over(t *Trial) bool {
	switch {
	case t.Plain && l.Plain == Never:
		return false
	case l.Rollback != Never:
		return true
	case t.Model.Truth == TruthSplit:
		return l.Split != Never
	default:
		return l.Suspect != Never && !slices.ContainsFunc(t.Guardrails, t.Model.proves)
	}
}

// proves says whether harm of the model can cross a guardrail that rolls back.
func (m *Model) proves(g stagger.Guardrail) bool {
	return g.Action == stagger.ActionRollback && (m.needs == "" || m.needs == g.Signal)
}

// unsplit says whether the verdict holds because the traffic is not split as it
// should be: that blames no signal, and is in the ledger.
func unsplit(v stagger.Verdict, suspected bool) bool {
	return v.Advice == stagger.AdviseHold && v.Signal == "" && !suspected ||
		slices.ContainsFunc(v.Ledger, func(a stagger.Account) bool { return a.Use == stagger.UseSplit && a.Evidence >= 1 })
}
