package judge_test

import (
	"math"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestPlainEvidenceIsKeptOnRequest makes the candidate worse.
func TestPlainEvidenceIsKeptOnRequest(t *testing.T) {
	asked := config()
	asked.Plain = true
	w, j, silent := newWorld(1, 800), judge.New(asked), judge.New(config())
	w.v2.errors = 0.02
	w.warm(j, 0.1)
	if e := j.PlainEvidence(); math.Abs(e-1) > 1e-9 {
		t.Errorf("it starts at %g, want 1", e)
	}
	for w.now.Sub(epoch) < time.Minute && j.PlainEvidence() < 100 {
		tick := w.tick()
		j.Observe(tick)
		silent.Observe(tick)
	}
	if j.PlainEvidence() < 100 || j.Verdict(w.now).Outcome == stagger.OutcomeRegressed {
		t.Errorf("plain evidence of %g; %s: it must come before proof beyond blips", j.PlainEvidence(), j.Verdict(w.now).Outcome)
	}
	if e := silent.PlainEvidence(); e != 0 {
		t.Errorf("a judge that was not asked has %g", e)
	}
}

// TestTheLadderCanBeForbidden lets requests come in bursts: the judge that may
// not climb stays plain, and only its placebo notices.
func TestTheLadderCanBeForbidden(t *testing.T) {
	alarms, held := [2]int{}, 0
	for seed := range uint64(4) {
		for i, forbidden := range []bool{false, true} {
			c := newCrowd(seed, 400)
			c.v1.errors, c.v2.errors, c.burst, c.over = 0.01, 0.01, 20, 30*time.Second
			g := guardrails()
			g[0].Floor = 0
			j := judge.New(judge.Config{Baseline: "v1", Candidate: "v2", Guardrails: g, StayPlain: forbidden})
			c.share = 0.25
			for range 8 * 60 * 4 {
				j.Observe(c.tick())
			}
			alarms[i] += j.PlaceboAlarms()
			rung := finding(j.Verdict(c.now), "").Rung
			if forbidden && rung != "plain" && rung != "" || !forbidden && rung == "plain" {
				t.Errorf("seed %d: rung %q, forbidden %t", seed, rung, forbidden)
			}
			if forbidden && j.Suspected() {
				held++
			}
		}
	}
	if alarms[1] < 2 || alarms[0] > alarms[1]/2 {
		t.Errorf("%d alarms of the placebo on the ladder, %d without", alarms[0], alarms[1])
	}
	if held == 0 {
		t.Error("nobody was suspected on evidence that is no evidence")
	}
}

// TestHarmToBothIsNoSuspicion makes both versions worse: that holds, and the
// candidate is not suspected.
func TestHarmToBothIsNoSuspicion(t *testing.T) {
	w, j := newWorld(1, 400), judge.New(config())
	w.warm(j, 0.3)
	w.v1.errors, w.v2.errors = 0.1, 0.1
	if w.run(j, 30*time.Second, advises(stagger.AdviseHold)) == 0 {
		t.Fatal("never held")
	}
	if j.Suspected() {
		t.Errorf("suspected of what strikes both: %s", j.Verdict(w.now).Sentence)
	}
	w.v1.errors = 0.001
	w.run(j, 30*time.Second, func(stagger.Verdict) bool { return j.Suspected() })
	if !j.Suspected() {
		t.Error("not suspected of what strikes it alone")
	}
}
