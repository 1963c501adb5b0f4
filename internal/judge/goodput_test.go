package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestGoodputSeesWhatIsNeverAnswered lets a share of the candidate's requests
// hang, or their clients give up: neither is a failure, and nobody is served.
func TestGoodputSeesWhatIsNeverAnswered(t *testing.T) {
	guardrails := []stagger.Guardrail{{
		Signal: stagger.SignalGoodput, Tolerance: 1.5, Floor: 0.005, Healthy: 0.02, Alpha: 0.01, Action: stagger.ActionRollback,
	}}
	for name, spoil := range map[string]func(o *stagger.Observation, n uint64){
		"hanging": func(o *stagger.Observation, n uint64) { o.Unfinished += n },
		"given up": func(o *stagger.Observation, n uint64) {
			o.Outcomes.ClientAbort += n
		},
		"healthy": func(o *stagger.Observation, n uint64) { o.Outcomes.OK += n },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(1, 400)
			j := judge.New(judge.Config{Baseline: "v1", Candidate: "v2", Guardrails: guardrails, Planned: time.Minute})
			w.warm(j, 0.3)
			var v stagger.Verdict
			for range 30 * 4 {
				tick := w.tick()
				o := &tick.Observations[1]
				n := o.Started / 10
				o.Started += n
				spoil(o, n)
				j.Observe(tick)
				if v = j.Verdict(w.now); v.Outcome == stagger.OutcomeRegressed {
					break
				}
			}
			if name == "healthy" {
				if v.Outcome != stagger.OutcomeHealthy {
					t.Errorf("%s: %s", v.Outcome, v.Sentence)
				}
				return
			}
			if v.Outcome != stagger.OutcomeRegressed || v.Signal != stagger.SignalGoodput || !strings.Contains(v.Sentence, "too late or never") {
				t.Errorf("%s by %q: %s", v.Outcome, v.Signal, v.Sentence)
			}
		})
	}
}
