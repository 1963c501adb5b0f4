package simulate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
)

// TestALifeKeepsWhatWasSaidFirst reads verdicts that the judge could speak.
func TestALifeKeepsWhatWasSaidFirst(t *testing.T) {
	const (
		second = time.Second
		hold   = stagger.AdviseHold
	)
	unsplit := []stagger.Account{{Use: stagger.UseRollback, Evidence: 0.3}, {Use: stagger.UseSplit, Evidence: 1}}
	for name, row := range map[string]struct {
		verdicts  []stagger.Verdict // one a second
		suspected bool
		want      Life
	}{
		"nothing": {verdicts: []stagger.Verdict{{}, {}}, want: unlived()},
		"a proof": {
			verdicts: []stagger.Verdict{{}, {Advice: stagger.AdviseRollback}, {Advice: stagger.AdviseRollback}},
			want:     with(func(l *Life) { l.Rollback = 2 * second }),
		},
		"a suspicion, which is told elsewhere": {
			verdicts: []stagger.Verdict{{Advice: hold}, {Advice: hold, Signal: stagger.SignalErrors}}, suspected: true, want: unlived(),
		},
		"harm to both": {
			verdicts: []stagger.Verdict{{}, {}, {Advice: hold, Signal: stagger.SignalLatency}},
			want:     with(func(l *Life) { l.Shared = 3 * second }),
		},
		"health": {verdicts: []stagger.Verdict{{Outcome: stagger.OutcomeHealthy}}, want: with(func(l *Life) { l.Healthy = second })},
		"a wrong split": {
			verdicts: []stagger.Verdict{{Ledger: unsplit[:1]}, {Advice: hold, Ledger: unsplit}},
			want:     with(func(l *Life) { l.Split = 2 * second }),
		},
		"a wrong split of a suspect": {
			verdicts: []stagger.Verdict{{Advice: hold, Signal: stagger.SignalErrors, Ledger: unsplit}}, suspected: true,
			want: with(func(l *Life) { l.Split = second }),
		},
		"a wrong split at a glance": {
			verdicts: []stagger.Verdict{{Advice: hold}}, want: with(func(l *Life) { l.Split = second }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := unlived()
			for i, v := range row.verdicts {
				got.note(v, time.Duration(i+1)*second, row.suspected)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func with(change func(*Life)) Life {
	l := unlived()
	change(&l)
	return l
}

// TestALifeIsOverWhenNothingMoreCanBeSeen tries guardrails that roll back, and
// those that only hold.
func TestALifeIsOverWhenNothingMoreCanBeSeen(t *testing.T) {
	holding, proving := stagger.Guardrail{Action: stagger.ActionHold}, stagger.Guardrail{Action: stagger.ActionRollback}
	suspected, proved := with(func(l *Life) { l.Suspect = 1 }), with(func(l *Life) { l.Suspect, l.Rollback = 1, 2 })
	for name, row := range map[string]struct {
		guard stagger.Guardrail
		plain bool
		life  Life
		want  bool
		model Model
	}{
		"nothing yet":                {guard: holding, plain: false, life: unlived(), want: false},
		"a hold is all there can be": {guard: holding, plain: false, life: suspected, want: true},
		"a proof may follow":         {guard: proving, plain: false, life: suspected, want: false},
		"a proof":                    {guard: proving, plain: false, life: proved, want: true},
		"another signal's guardrail proves nothing of this": {
			guard: proving, life: suspected, want: true, model: Model{needs: stagger.SignalCount},
		},
		"a split is never proved harm": {
			guard: proving, life: with(func(l *Life) { l.Split = 1 }), want: true, model: Model{Truth: TruthSplit},
		},
		"plain evidence is still open": {guard: proving, plain: true, life: proved, want: false},
	} {
		tr := Trial{Guardrails: []stagger.Guardrail{row.guard}, Plain: row.plain, Model: row.model}
		if got := row.life.over(&tr); got != row.want {
			t.Errorf("%s: over is %t", name, got)
		}
	}
}
