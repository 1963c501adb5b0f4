package e2e_test

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

// A server that is killed in every stage and in the bake takes the rollout up
// where it was, with the same users, and carries it to its end.
func TestKilledInEveryStageARolloutGoesOn(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(plan{candidate: "v2", minTime: "6s", bake: "10s"})
	s.serve()
	clients := s.traffic()
	clients.whileItRuns(t, 500*time.Millisecond)
	id := s.begin()

	for stage, kind := range []stagger.EventKind{stagger.EventStageEntered, stagger.EventStageEntered, stagger.EventBaking} {
		start := s.reaches(id, kind, stage)
		time.Sleep(time.Until(start.At.Add(2 * time.Second)))
		earlier := span{start.At.Add(settle), time.Now()}
		known := s.history(id)

		s.kill()
		clients.stop(t)
		s.serve()
		s.stands(t, id, known, start)
		clients = s.traffic()
		later := s.backInForce(t, id, start)
		s.metTheSame(t, earlier, later, stage)
	}
	eventually(t, "the rollout ends", 60*time.Second, func() bool { return s.status(id).Phase.Final() })
	done := time.Now()
	clients.whileItRuns(t, time.Second)
	clients.stop(t).fine(t)

	r, events := s.status(id), s.history(id)
	if r.Phase != stagger.PhasePromoted {
		t.Errorf("it ended as %s:%s", r.Phase, told(events))
	}
	silentSince(t, s.versions["v1"], done)
	neverBeyondTheRecord(t, r, events, s.versions["v2"])
	s.verified()
}

// stands holds a rollout after a restart against what was known before: the
// same history, perhaps longer, and the same stage.
func (s *shop) stands(t *testing.T, id string, known []stagger.Event, start stagger.Event) {
	t.Helper()
	s.keeps(t, id, known)
	if r := s.status(id); r.Stage != start.Stage || r.Weight != start.Weight {
		t.Errorf("after the restart it stands in stage %d at %v; it was in stage %d at %v", r.Stage, r.Weight, start.Stage, start.Weight)
	}
}

// keeps fails unless the history begins with all that was known.
func (s *shop) keeps(t *testing.T, id string, known []stagger.Event) {
	t.Helper()
	events := s.history(id)
	if len(events) < len(known) || !reflect.DeepEqual(events[:len(known)], known) {
		t.Errorf("the history was\n%s\n\nand is\n%s", told(known), told(events))
	}
	if n := s.verified(); n < len(known) {
		t.Errorf("%d events are verified, %d were known", n, len(known))
	}
}

// backInForce waits until the candidate gets requests again and some more
// flowed, and returns the time in which it did, at the same weight.
func (s *shop) backInForce(t *testing.T, id string, start stagger.Event) span {
	t.Helper()
	restart := time.Now()
	first := func() (at time.Time) {
		for _, h := range s.versions["v2"].hits(t) {
			if h.start.After(restart) {
				return h.start
			}
		}
		return at
	}
	eventually(t, "the candidate gets requests again", 10*time.Second, func() bool { return !first().IsZero() })
	t.Logf("stage %d: the candidate gets requests again after %v", start.Stage, first().Sub(restart).Round(time.Millisecond))
	time.Sleep(1500 * time.Millisecond)
	return span{first().Add(settle), during(t, s.history(id), start.Stage).to}
}

// metTheSame fails when a user met one version before and the other after.
func (s *shop) metTheSame(t *testing.T, earlier, later span, stage int) {
	t.Helper()
	if n := nobodyMovesBack(t, s, "v2", earlier, later); n < 5 {
		t.Errorf("stage %d: only %d users met the candidate before and after", stage, n)
	}
	// The other way round: who is on it now was on it before.
	before, now := users(s.versions["v1"].hits(t), earlier), users(s.versions["v2"].hits(t), later)
	for u := range now {
		if before[u] > 0 {
			t.Errorf("stage %d: user %s met v1 before the crash and the candidate after, at the same weight", stage, u)
		}
	}
}

func TestKilledWhileShedABadCandidateIsRolledBack(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": errorPage})
	s.rollout(quick("v2"))
	s.serve()
	clients := s.traffic()
	clients.whileItRuns(t, 500*time.Millisecond)
	id := s.begin()
	s.reaches(id, stagger.EventShed, 0)
	known := s.history(id)
	s.kill()
	clients.stop(t)

	s.serve()
	s.keeps(t, id, known)
	clients = s.traffic()
	eventually(t, "the rollout ends", 60*time.Second, func() bool { return s.status(id).Phase.Final() })
	clients.whileItRuns(t, time.Second)
	clients.stop(t)
	s.wasRolledBack(t, "v2 fails")
}

// At whatever moment the server dies, what was known stays, the chain holds and
// no user meets the candidate beyond the record.
func TestKilledAtRandomMomentsNothingIsLost(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(plan{candidate: "v2", minTime: "1s", bake: "2s"})
	s.serve()
	clients := s.traffic()
	id := s.begin()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	for range 5 {
		time.Sleep(time.Duration(random.IntN(2500)) * time.Millisecond)
		known := s.history(id)
		s.kill()
		clients.stop(t)
		s.serve()
		s.keeps(t, id, known)
		clients = s.traffic()
	}
	eventually(t, "the rollout ends", 60*time.Second, func() bool { return s.status(id).Phase.Final() })
	clients.stop(t).fine(t)
	r, events := s.status(id), s.history(id)
	if r.Phase != stagger.PhasePromoted {
		t.Errorf("it ended as %s:%s", r.Phase, told(events))
	}
	neverBeyondTheRecord(t, r, events, s.versions["v2"])
	s.verified()
}

// A pipeline that waits while the server dies and comes back learns the
// outcome.
func TestAPipelineOutlivesTheServer(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(quick("v2"))
	s.serve()
	clients := s.traffic()
	over := s.waiting("--timeout", "90s")
	s.reaches(s.started(), stagger.EventStageEntered, 0)
	s.kill()
	clients.stop(t)
	time.Sleep(time.Second)
	s.serve()
	clients = s.traffic()
	if r := <-over; r.code != exitOK {
		t.Errorf("got %v", r)
	}
	clients.stop(t).fine(t)
}
