package e2e_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

func TestAGoodCandidateIsPromoted(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(quick("v2"))
	s.serve()
	clients := s.traffic()

	s.must(exitOK, "promoted  shop v1 → v2", "start", "-f", "rollout.yaml", "--wait")
	done := time.Now()
	clients.whileItRuns(t, time.Second)
	clients.stop(t).fine(t)

	r := s.newest()
	events := s.history(r.ID)
	if r.Phase != stagger.PhasePromoted || s.baseline() != "v2" {
		t.Errorf("the rollout is %s and the baseline %s", r.Phase, s.baseline())
	}
	if n := s.verified(); n != len(events) {
		t.Errorf("%d events are verified, the history has %d", n, len(events))
	}
	t.Run("it went through every stage in order", func(t *testing.T) {
		want := []stagger.EventKind{
			stagger.EventCreated, stagger.EventStageEntered, stagger.EventStageEntered,
			stagger.EventBaking, stagger.EventPromoted, stagger.EventConverged,
		}
		if got := kinds(events); !isSubsequence(want, got) {
			t.Errorf("got %v, want %v in it", got, want)
		}
	})
	t.Run("in the end the candidate gets everything", func(t *testing.T) {
		silentSince(t, s.versions["v1"], done)
		busySince(t, s.versions["v2"], done, 100)
	})
	t.Run("in each stage a user keeps their version", func(t *testing.T) {
		for stage := range 2 {
			everyUserKeepsTheirVersion(t, s, "v2", entered(t, events, stage), during(t, events, stage))
		}
	})
	t.Run("nobody moves back", func(t *testing.T) {
		second, bake := during(t, events, 1), during(t, events, 2)
		second.from, bake.from = second.from.Add(settle), bake.from.Add(settle)
		if n := nobodyMovesBack(t, s, "v2", during(t, events, 0), second); n < 5 {
			t.Errorf("only %d users were seen in both stages", n)
		}
		nobodyMovesBack(t, s, "v2", second, bake)
	})
	t.Run("no weight beyond the record", func(t *testing.T) {
		neverBeyondTheRecord(t, r, events, s.versions["v2"])
	})
}

func TestAPromotedVersionIsTheBaselineAfterARestart(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(quick("v2"))
	s.serve()
	clients := s.traffic()
	s.begin()
	s.must(exitOK, "", "promote", "--all", "--reason", "tried elsewhere")
	eventually(t, "promoted", 60*time.Second, func() bool { return s.newest().Phase.Final() })
	clients.stop(t).fine(t)

	s.kill()
	s.serve()
	at := time.Now()
	clients = s.traffic()
	clients.whileItRuns(t, time.Second)
	clients.stop(t).fine(t)
	if b := s.baseline(); b != "v2" {
		t.Errorf("after the restart the baseline is %s", b)
	}
	silentSince(t, s.versions["v1"], at)
	busySince(t, s.versions["v2"], at, 100)
	s.must(exitRefused, "v2 is the baseline of shop already", "start", "-f", "rollout.yaml")
}

func kinds(events []stagger.Event) []stagger.EventKind {
	var all []stagger.EventKind
	for _, e := range events {
		all = append(all, e.Kind)
	}
	return all
}

// isSubsequence says whether all of want stand in got in this order.
func isSubsequence(want, got []stagger.EventKind) bool {
	for _, k := range want {
		i := slices.Index(got, k)
		if i < 0 {
			return false
		}
		got = got[i+1:]
	}
	return true
}

// entered is the event by which a stage, or the bake, began.
func entered(t *testing.T, events []stagger.Event, stage int) stagger.Event {
	t.Helper()
	for _, e := range events {
		if e.Stage == stage && (e.Kind == stagger.EventStageEntered || e.Kind == stagger.EventBaking) {
			return e
		}
	}
	t.Fatalf("stage %d was not entered:%s", stage, told(events))
	return stagger.Event{}
}

// during is the time a stage lasted, until any event that changed the weight.
func during(t *testing.T, events []stagger.Event, stage int) span {
	t.Helper()
	start := entered(t, events, stage)
	for _, e := range events[start.Seq:] {
		if e.Weight != start.Weight || e.Phase.Final() {
			return span{start.At, e.At}
		}
	}
	return span{start.At, time.Now()}
}

// because holds the reason of the newest event of a kind against a regular
// expression.
func because(t *testing.T, events []stagger.Event, kind stagger.EventKind, says string) {
	t.Helper()
	if e := last(t, events, kind); !regexp.MustCompile(says).MatchString(e.Reason) {
		t.Errorf("%s because %q; want %q in it", kind, e.Reason, says)
	}
}
