package dashboard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
)

// over records a rollout of a service that is over: promoted, or rolled back,
// aborted or rolled back by hand, as n has it.
func over(t *testing.T, w world, id, service string, end time.Time, n int) stagger.Rollout {
	t.Helper()
	start := apitest.Start()
	start.Service, start.Change = service, stagger.Change{Kind: []string{"code", "config"}[n%2], Commit: fmt.Sprintf("%07x", 0x4f2a91c+n), Owner: "team-" + service, Ticket: fmt.Sprintf("SHOP-%d", 100+n)}
	r, e := apitest.Create(id, start)
	begin := end.Add(-time.Duration(20+7*(n%9)) * time.Minute)
	r.CreatedAt, r.UpdatedAt, e.At, e.Reason = begin, begin, begin, "ada started v1 → v2"
	first := r
	e.Created = &first
	must(t, w.Store.Commit(t.Context(), r, []stagger.Event{e}))
	step := func(kind stagger.EventKind, at time.Time, actor, reason string) {
		r.Events++
		r.UpdatedAt = at
		v := progress(r).Verdict
		v.At = at
		e := stagger.Event{
			Rollout: id, Seq: r.Events, At: at, Kind: kind, Actor: actor, Reason: reason, Phase: r.Phase, Stage: r.Stage, Weight: r.Weight, Hold: r.Hold, Verdict: &v,
		}
		if r.Phase.Final() {
			r.EndedAt, r.Reason = at, reason
			r.Exposure = &stagger.Exposure{All: 10204, Requests: uint64(57 + n), Failed: 9, Users: 31}
			e.Exposure = r.Exposure
		}
		must(t, w.Store.Commit(t.Context(), r, []stagger.Event{e}))
	}
	r.Phase, r.Stage, r.Weight = stagger.PhaseProgressing, 0, stagger.WeightPercent
	step(stagger.EventStageEntered, begin.Add(time.Second), "stagger", "stage few begins at 1%: v1 and v2 are ready")
	switch n % 5 {
	case 3:
		r.Hold, r.Phase = stagger.HoldSuspect, stagger.PhaseWaiting
		step(stagger.EventHeld, end.Add(-90*time.Second), "stagger", "the evidence looks bad, not yet proved: p99 looks 24% slower on v2")
		r.Phase, r.Weight, r.Hold = stagger.PhaseRolledBack, 0, ""
		step(stagger.EventRolledBack, end, "stagger", "the evidence is beyond doubt: p99 is 24% slower on v2")
	case 4:
		r.Phase, r.Weight = []stagger.Phase{stagger.PhaseAborted, stagger.PhaseRolledBack}[n/5%2], 0
		step(map[stagger.Phase]stagger.EventKind{stagger.PhaseAborted: stagger.EventAborted, stagger.PhaseRolledBack: stagger.EventRolledBack}[r.Phase], end, "ada", "ada ended it: totals are wrong")
	default:
		r.Stage, r.Weight = 1, stagger.WeightFull
		step(stagger.EventStageEntered, begin.Add(time.Duration(n%7+1)*time.Minute), "stagger", "stage all begins at 100%: stage few is healthy")
		r.Phase, r.Stage = stagger.PhaseBaking, 2
		step(stagger.EventBaking, begin.Add(time.Duration(n%7+3)*time.Minute), "stagger", "everybody meets it now and the bake begins: stage all is healthy")
		r.Phase = stagger.PhasePromoted
		step(stagger.EventPromoted, end, "stagger", "v2 is the new baseline after a bake of 1h")
	}
	r.Converged = end.Add(time.Second)
	r.Events++
	r.UpdatedAt = r.Converged
	must(t, w.Store.Commit(t.Context(), r, []stagger.Event{{Rollout: id, Seq: r.Events, At: r.Converged, Kind: stagger.EventConverged, Actor: "stagger", Reason: "the traffic followed, 1s after the end", Phase: r.Phase, Stage: r.Stage, Weight: r.Weight}}))
	if n%15 == 3 {
		r.Events++
		r.UpdatedAt = end.Add(time.Hour)
		r.Review = &stagger.Review{Judgement: stagger.JudgementFalseAlarm, Actor: "ada", Reason: "both versions shared a slow disk", At: r.UpdatedAt}
		must(t, w.Store.Commit(t.Context(), r, []stagger.Event{{Rollout: id, Seq: r.Events, At: r.UpdatedAt, Kind: stagger.EventReviewed, Actor: "ada", Reason: "ada called it a false alarm: both versions shared a slow disk", Phase: r.Phase, Stage: r.Stage, Weight: r.Weight, Review: r.Review}}))
	}
	return r
}
