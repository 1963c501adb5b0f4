package simulate_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/simulate"
)

func lives(t *testing.T, tr simulate.Trial, runs int) simulate.Measured {
	t.Helper()
	m, err := tr.Run(t.Context(), runs, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPlainEvidenceComesBeforeProof waits for both; what is proved first is not
// the end.
func TestPlainEvidenceComesBeforeProof(t *testing.T) {
	tr := trial(t, "errors=1%")
	tr.Plain = true
	m := lives(t, tr, 9)
	if m.Plain.Seen != 9 || m.Rollback.Seen != 9 || m.Plain.Median < 3*time.Second || m.Plain.Median > m.Rollback.Median/2 {
		t.Errorf("plain evidence after %v, proof after %v", m.Plain.Median, m.Rollback.Median)
	}
	tr = trial(t, "burst=60")
	tr.Plain, tr.Length = true, 8*time.Minute
	if m := lives(t, tr, 3); m.Plain.Seen != 3 {
		t.Errorf("plain evidence in %d lives, though %d were rolled back", m.Plain.Seen, m.Rollback.Seen)
	}
	tr.Plain = false
	if m := lives(t, tr, 3); m.Plain.Seen != 0 {
		t.Error("plain evidence was told of without being asked for")
	}
}

// TestHarmToBothIsHeldAndNotSuspected lets an incident strike both versions.
func TestHarmToBothIsHeldAndNotSuspected(t *testing.T) {
	tr := trial(t, "incident=10%")
	tr.Length, tr.Sparse = 24*time.Minute, true
	m := lives(t, tr, 5)
	if m.Shared.Seen != 5 || m.Suspect.Seen > 1 || m.Rollback.Seen > 0 {
		t.Errorf("%d held for both, %d suspected, %d rolled back of 5", m.Shared.Seen, m.Suspect.Seen, m.Rollback.Seen)
	}
}

// TestThePlaceboIsWatched forbids the judge to mind that failures come in bursts.
func TestThePlaceboIsWatched(t *testing.T) {
	tr := trial(t, "bursts-30s")
	tr.Subjects, tr.StayPlain, tr.Sparse, tr.Length = true, true, true, 40*time.Minute
	m := lives(t, tr, 4)
	tr.StayPlain = false
	minded := lives(t, tr, 4)
	t.Logf("the placebo alarmed in %d of 4 lives, and in %d where the judge minds; suspected %d and %d",
		m.Placebo.Seen, minded.Placebo.Seen, m.Suspect.Seen, minded.Suspect.Seen)
	if m.Placebo.Seen <= minded.Placebo.Seen || m.Suspect.Seen <= minded.Suspect.Seen {
		t.Errorf("the placebo must notice what the judge may not mind")
	}
}

// TestEverySignalIsSeenByItself makes one thing different at a time.
func TestEverySignalIsSeenByItself(t *testing.T) {
	for _, name := range []string{"retries=4", "count=5", "gauge=300%", "saturation=300%", "split=0.5"} {
		t.Run(name, func(t *testing.T) {
			tr := trial(t, name)
			tr.Guardrails, tr.Hosts, tr.Subjects, tr.Sparse, tr.Length = everything(), 20, true, true, 20*time.Minute
			m := lives(t, tr, 3)
			seen, other := m.Suspect, m.Split
			if tr.Model.Truth == simulate.TruthSplit {
				seen, other = m.Split, m.Suspect
			}
			if seen.Seen != 3 || other.Seen > 0 || m.Rollback.Seen > 0 {
				t.Errorf("%d suspected, %d held for the split and %d rolled back of 3", m.Suspect.Seen, m.Split.Seen, m.Rollback.Seen)
			}
		})
	}
}

// TestAWarmUpIsForgivenWhereThePlanSaysSo tries the same lives with an allowance
// and without.
func TestAWarmUpIsForgivenWhereThePlanSaysSo(t *testing.T) {
	tr := trial(t, "warm-up")
	tr.Share, tr.Hosts, tr.Sparse = 0.25, 20, true
	if m := lives(t, tr, 5); m.Suspect.Seen < 4 {
		t.Errorf("%d of 5 suspected where nothing is allowed", m.Suspect.Seen)
	}
	tr.WarmUp = time.Minute
	if m := lives(t, tr, 5); m.Suspect.Seen > 1 {
		t.Errorf("%d of 5 suspected of what is allowed", m.Suspect.Seen)
	}
}
