package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestNeedsSayAboutWhatItTakes lets stages become healthy and holds what was said
// at half of the evidence against what it took.
func TestNeedsSayAboutWhatItTakes(t *testing.T) {
	asked, near := 0, 0
	for seed := range uint64(runs(t, 12)) {
		w, j := newWorld(seed, 800), judge.New(config())
		w.warm(j, 0.1)
		var at, said uint64
		w.run(j, 5*time.Minute, func(v stagger.Verdict) bool {
			needs := j.Needs(80)
			if v.Outcome == stagger.OutcomeHealthy {
				if len(needs) > 0 {
					t.Errorf("seed %d: healthy, and still missing: %+v", seed, needs)
				}
				if said > 0 {
					asked++
					if took := v.Candidate.Stage - at; took < 4*said && said < 4*took {
						near++
					}
				}
				return true
			}
			if said == 0 && len(needs) > 0 && needs[0].Evidence > 0.4 {
				at, said = v.Candidate.Stage, needs[0].Requests
			}
			for i, n := range needs {
				checkNeed(t, v, n)
				if i > 0 && n.Evidence < needs[i-1].Evidence {
					t.Error("what lacks most is not first")
				}
			}
			return false
		})
	}
	if t.Logf("%d of %d predictions were near", near, asked); asked < 6 || near < asked*3/4 {
		t.Errorf("%d of %d predictions were near", near, asked)
	}
}

// checkNeed holds that a need says the same as the verdict's finding, and nothing
// that it cannot know.
func checkNeed(t *testing.T, v stagger.Verdict, n stagger.Need) {
	t.Helper()
	if n.Evidence < 0 || n.Evidence >= 1 || n.Excludes <= 0 || n.Sentence == "" {
		t.Errorf("%+v", n)
	}
	if (n.Requests == 0) != strings.HasPrefix(n.Sentence, "too few requests yet") {
		t.Errorf("%d requests: %s", n.Requests, n.Sentence)
	}
	if n.Requests > 0 && (n.Span.Seconds() < float64(n.Requests)/80 || n.Span.Seconds() > float64(n.Requests)/80+1) {
		t.Errorf("%d requests take %s at 80 a second", n.Requests, n.Span)
	}
	for _, f := range v.Findings {
		if f.Signal == n.Signal && f.Slot == n.Slot && f.Metric == n.Metric && f.Healthy >= 1 {
			t.Errorf("%s %s is healthy, and missing: %s", f.Signal, f.Slot, n.Sentence)
		}
	}
}

func TestNothingIsMissingOnceItIsProved(t *testing.T) {
	w, j := newWorld(1, 800), judge.New(config())
	w.warm(j, 0.1)
	w.v2.errors = 0.5
	w.run(j, time.Minute, func(v stagger.Verdict) bool { return v.Advice == stagger.AdviseRollback })
	if needs := j.Needs(80); needs != nil {
		t.Errorf("rolled back, and still missing: %+v", needs)
	}
}

func TestSpanIsNotKnownWithoutTraffic(t *testing.T) {
	w, j := newWorld(2, 800), judge.New(config())
	w.warm(j, 0.1)
	w.run(j, 10*time.Second, func(stagger.Verdict) bool { return false })
	for _, n := range j.Needs(0) {
		if n.Span != 0 {
			t.Errorf("without traffic it takes %s", n.Span)
		}
	}
}

func BenchmarkNeeds(b *testing.B) {
	w, j := newWorld(2, 800), judge.New(config())
	w.warm(j, 0.1)
	w.run(j, 10*time.Second, func(stagger.Verdict) bool { return false })
	b.ReportAllocs()
	for b.Loop() {
		j.Needs(80)
	}
}
