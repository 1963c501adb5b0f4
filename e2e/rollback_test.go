package e2e_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

func TestABadCandidateIsRolledBack(t *testing.T) {
	needs(t, "nginx", "wrk")
	for _, c := range []struct {
		name, behaviour string
		says            string // the reason, a regular expression
		failing         bool   // clients see failures
	}{
		{"nginx behind a wrong upstream", wrongUpstream, `v2 fails 100 ?% of requests against 0 ?% for v1`, true},
		{"nginx with an error page", errorPage, `v2 fails 100 ?% of requests against 0 ?% for v1`, true},
		{"nginx with an error page for a fifth", errorShare, `v2 fails [12][0-9.]+ ?% of requests against 0 ?% for v1`, true},
		{"nginx with limit_rate", slow, `v2 takes [0-9.]+ (ms|s) at p[0-9.]+ against [0-9.]+ ms for v1`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, map[string]string{"v1": serves, "v2": c.behaviour})
			s.rollout(quick("v2"))
			s.serve()
			clients := s.traffic()
			clients.whileItRuns(t, 500*time.Millisecond)

			s.must(exitRolledBack, "rolled back  shop v1 → v2", "start", "-f", "rollout.yaml", "--wait")
			clients.whileItRuns(t, 2*time.Second)
			saw := clients.stop(t)
			s.wasRolledBack(t, c.says)
			harmWasBounded(t, s, saw, c.failing)
		})
	}
}

// wasRolledBack holds the end of a rollout of v2 against the access logs.
func (s *shop) wasRolledBack(t *testing.T, says string) {
	t.Helper()
	r := s.newest()
	events := s.history(r.ID)
	if r.Phase != stagger.PhaseRolledBack || r.Weight != 0 || s.baseline() != "v1" {
		t.Errorf("the rollout is %s at %v and the baseline %s:%s", r.Phase, r.Weight, s.baseline(), told(events))
	}
	because(t, events, stagger.EventRolledBack, says)
	if n := s.verified(); n != len(events) {
		t.Errorf("%d events are verified, the history has %d", n, len(events))
	}
	over := last(t, events, stagger.EventRolledBack).At.Add(settle)
	silentSince(t, s.versions["v2"], over)
	busySince(t, s.versions["v1"], over, 100)
	neverBeyondTheRecord(t, r, events, s.versions["v2"])
}

// harmWasBounded holds what clients saw against what the candidate did: they
// see its failures and no others, and those are few.
func harmWasBounded(t *testing.T, s *shop, saw report, failing bool) {
	t.Helper()
	if saw.sockets != "" {
		t.Errorf("clients saw %s", saw.sockets)
	}
	failed := 0
	for _, h := range s.versions["v2"].hits(t) {
		if h.status >= 500 {
			failed++
		}
	}
	if saw.failed > failed {
		t.Errorf("clients saw %d failures, the candidate answered only %d", saw.failed, failed)
	}
	if failing != (saw.failed > 0) {
		t.Errorf("clients saw %d failures", saw.failed)
	}
	if share := float64(saw.failed) / float64(saw.requests); share > 0.1 {
		t.Errorf("%.1f %% of all requests failed; the stage exposed 10 %% of the users", 100*share)
	}
}

func TestACandidateThatBreaksWhileItBakesIsRolledBack(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(plan{candidate: "v2", minTime: "30s", bake: "60s"})
	s.serve()
	clients := s.traffic()
	over := s.waiting()
	id := s.started()
	s.reaches(id, stagger.EventStageEntered, 0)
	clients.whileItRuns(t, 4*time.Second)
	s.must(exitOK, "", "promote", id, "--all", "--reason", "it looked good")
	s.reaches(id, stagger.EventBaking, 2)
	clients.whileItRuns(t, 2*time.Second)

	s.versions["v2"].becomes(t, errorPage)
	if r := <-over; r.code != exitRolledBack {
		t.Fatalf("got %v", r)
	}
	clients.whileItRuns(t, 2*time.Second)
	clients.stop(t)
	events := s.history(id)
	silentSince(t, s.versions["v2"], last(t, events, stagger.EventRolledBack).At.Add(settle))
	because(t, events, stagger.EventRolledBack, "v2 fails")
	s.verified()
}

func TestAPersonRollsBack(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	s.serve()
	clients := s.traffic()
	over := s.waiting()
	id := s.started()
	s.reaches(id, stagger.EventStageEntered, 0)
	s.must(exitOK, "at 40%", "weight", "shop", "40", "--reason", "more of it")
	clients.whileItRuns(t, time.Second)
	s.must(exitOK, "", "rollback", "shop", "--reason", "totals are wrong")
	if r := <-over; r.code != exitRolledBack {
		t.Fatalf("got %v", r)
	}
	clients.whileItRuns(t, time.Second)
	clients.stop(t).fine(t)
	s.wasRolledBack(t, "totals are wrong")
	s.must(exitRefused, "rollout", "pause", id)
}

// started waits for the newest rollout to exist and returns its id.
func (s *shop) started() string {
	s.t.Helper()
	id := ""
	eventually(s.t, "a rollout has started", 20*time.Second, func() bool {
		list := document[struct{ Rollouts []stagger.Rollout }](s, "list", "--active").Rollouts
		if len(list) > 0 {
			id = list[0].ID
		}
		return id != ""
	})
	return id
}
