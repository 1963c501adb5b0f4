package outcome_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/outcome"
)

var began = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func plan() stagger.Plan {
	return stagger.Plan{Stages: []stagger.Stage{
		{Name: "mirrored", Shadow: stagger.WeightPercent},
		{Name: "staff", Rules: []stagger.Rule{{Header: "X-Group"}}},
		{Weight: 10 * stagger.WeightPercent},
	}}
}

// history is made of moments in minutes after the beginning.
type moment struct {
	minute int
	kind   stagger.EventKind
	phase  stagger.Phase
	stage  int
	weight stagger.Weight
	actor  string
}

func history(moments ...moment) (stagger.Rollout, []stagger.Event) {
	r := stagger.Rollout{ID: "r1", Service: "shop", Plan: plan(), CreatedAt: began, Stage: -1}
	events := []stagger.Event{{Seq: 1, At: began, Kind: stagger.EventCreated, Phase: stagger.PhasePending, Stage: -1, Actor: "ada"}}
	for i, m := range moments {
		if m.actor == "" {
			m.actor = "stagger"
		}
		at := began.Add(time.Duration(m.minute) * time.Minute)
		e := stagger.Event{Seq: uint64(i) + 2, At: at, Kind: m.kind, Phase: m.phase, Stage: m.stage, Weight: m.weight, Actor: m.actor}
		if m.phase.Final() && r.EndedAt.IsZero() {
			r.EndedAt = at
		}
		r.Phase, r.Stage, r.Weight = m.phase, m.stage, m.weight
		events = append(events, e)
	}
	return r, events
}

const (
	tenth = 10 * stagger.WeightPercent
	probe = stagger.WeightPercent
)

func entered(minute, stage int, w stagger.Weight) moment {
	return moment{minute: minute, kind: stagger.EventStageEntered, phase: stagger.PhaseProgressing, stage: stage, weight: w}
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

func TestDetectionIsFromTheFirstThatMetItInTheFailingStage(t *testing.T) {
	for rule, c := range map[string]struct {
		moments []moment
		want    time.Duration
		ok      bool
	}{
		"until it was rolled back": {[]moment{
			entered(0, 0, 0), entered(5, 1, 0), entered(10, 2, tenth),
			{17, stagger.EventRolledBack, stagger.PhaseRolledBack, 2, 0, ""},
			{18, stagger.EventConverged, stagger.PhaseRolledBack, 2, 0, ""},
		}, minutes(7), true},
		"until it was shed": {[]moment{
			entered(0, 0, 0), entered(5, 1, 0), entered(10, 2, tenth),
			{11, stagger.EventShed, stagger.PhaseWaiting, 2, probe, ""},
			{17, stagger.EventRolledBack, stagger.PhaseRolledBack, 2, 0, ""},
		}, minutes(1), true},
		"a shed that was a blip does not count": {[]moment{
			entered(0, 0, 0), entered(5, 1, 0), entered(10, 2, tenth),
			{11, stagger.EventShed, stagger.PhaseWaiting, 2, probe, ""},
			{12, stagger.EventRestored, stagger.PhaseProgressing, 2, tenth, ""},
			{17, stagger.EventRolledBack, stagger.PhaseRolledBack, 2, 0, ""},
		}, minutes(7), true},
		"by a rule": {[]moment{
			entered(0, 0, 0), entered(5, 1, 0),
			{8, stagger.EventRolledBack, stagger.PhaseRolledBack, 1, 0, "ada"},
		}, minutes(3), true},
		"not where nobody met it": {[]moment{
			entered(0, 0, 0),
			{8, stagger.EventRolledBack, stagger.PhaseRolledBack, 0, 0, ""},
		}, 0, false},
		"from when a person let them": {[]moment{
			entered(0, 0, 0),
			{4, stagger.EventWeightSet, stagger.PhaseProgressing, 0, tenth, "ada"},
			{8, stagger.EventRolledBack, stagger.PhaseRolledBack, 0, 0, ""},
		}, minutes(4), true},
		"not of what was aborted": {[]moment{
			entered(0, 0, 0), entered(5, 1, 0),
			{8, stagger.EventAborted, stagger.PhaseAborted, 1, 0, "ada"},
		}, 0, false},
	} {
		t.Run(rule, func(t *testing.T) {
			got, ok := outcome.Of(history(c.moments...)).Detection()
			if got != c.want || ok != c.ok {
				t.Errorf("%s, %t; want %s, %t", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestLeadIsUntilEverybodyMeetsIt(t *testing.T) {
	l := outcome.Of(history(
		entered(0, 0, 0), entered(5, 1, 0), entered(10, 2, tenth),
		moment{30, stagger.EventBaking, stagger.PhaseBaking, 3, stagger.WeightFull, ""},
		moment{90, stagger.EventPromoted, stagger.PhasePromoted, 3, stagger.WeightFull, ""},
		moment{91, stagger.EventConverged, stagger.PhasePromoted, 3, stagger.WeightFull, ""},
	))
	if d, ok := l.Lead(); d != minutes(30) || !ok || l.Stage != "bake" || l.ByHand || l.Alarmed {
		t.Errorf("%s, %t: %+v", d, ok, l)
	}
	back := outcome.Of(history(
		entered(0, 0, 0),
		moment{30, stagger.EventBaking, stagger.PhaseBaking, 3, stagger.WeightFull, "ada"},
		moment{40, stagger.EventRolledBack, stagger.PhaseRolledBack, 3, 0, ""},
	))
	if _, ok := back.Lead(); ok {
		t.Error("what was taken back has arrived")
	}
}

func TestWhoEndedIt(t *testing.T) {
	for actor, byHand := range map[string]bool{"stagger": false, "ada": true} {
		l := outcome.Of(history(
			entered(0, 0, 0), entered(1, 1, 0),
			moment{2, stagger.EventRolledBack, stagger.PhaseRolledBack, 1, 0, actor},
			moment{3, stagger.EventReviewed, stagger.PhaseRolledBack, 1, 0, "bob"},
		))
		if l.ByHand != byHand || l.Alarmed == byHand {
			t.Errorf("by %s: %+v", actor, l)
		}
	}
}

func TestStaysTellTheTimeInEachStage(t *testing.T) {
	r, events := history(
		entered(0, 0, 0), entered(5, 1, 0), entered(10, 2, tenth),
		moment{11, stagger.EventShed, stagger.PhaseWaiting, 2, probe, ""},
		moment{12, stagger.EventRestored, stagger.PhaseProgressing, 2, tenth, ""},
		moment{17, stagger.EventRolledBack, stagger.PhaseRolledBack, 2, 0, "ada"},
		moment{18, stagger.EventConverged, stagger.PhaseRolledBack, 2, 0, ""},
	)
	for i := range events {
		events[i].Verdict = &stagger.Verdict{Sentence: string(events[i].Kind)}
	}
	type row struct {
		Name      string
		Spent     time.Duration
		From, Low stagger.Weight
		By        stagger.EventKind
		Verdict   string
	}
	var got []row
	for _, s := range outcome.Stays(r.Plan, events) {
		got = append(got, row{s.Name, s.Spent(began.Add(time.Hour)), s.From, s.Low, s.By, s.Verdict.Sentence})
	}
	want := []row{
		{"mirrored", minutes(5), 0, 0, stagger.EventStageEntered, "stage_entered"},
		{"staff", minutes(5), 0, 0, stagger.EventStageEntered, "stage_entered"},
		{"stage 3", minutes(7), tenth, probe, stagger.EventRolledBack, "rolled_back"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	going := outcome.Stays(r.Plan, events[:4])
	if last := going[len(going)-1]; last.Spent(began.Add(time.Hour)) != minutes(50) || last.By != "" {
		t.Errorf("the stage that goes on: %+v", last)
	}
}

func TestMonthsCountWhatEndedInThem(t *testing.T) {
	at := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC) }
	lived := func(service string, phase stagger.Phase, end time.Time, lead time.Duration, change ...func(*outcome.Life)) outcome.Life {
		l := outcome.Life{Service: service, Phase: phase, Created: end.Add(-lead), Everybody: end, Ended: end}
		for _, f := range change {
			f(&l)
		}
		return l
	}
	judged := func(j stagger.Judgement) func(*outcome.Life) {
		return func(l *outcome.Life) { l.Review = &stagger.Review{Judgement: j} }
	}
	met := func(n uint64) func(*outcome.Life) {
		return func(l *outcome.Life) { l.Exposure = &stagger.Exposure{All: 100, Requests: n, Users: 2} }
	}
	byHand := func(l *outcome.Life) { l.ByHand = true }
	r := outcome.Over([]outcome.Life{
		lived("shop", stagger.PhasePromoted, at(8, 31), time.Hour), // too long ago
		lived("shop", stagger.PhasePromoted, at(9, 1), time.Hour),
		lived("shop", stagger.PhasePromoted, at(9, 2), 3*time.Hour, judged(stagger.JudgementMissed)),
		lived("desk", stagger.PhaseRolledBack, at(9, 3), time.Hour, judged(stagger.JudgementFalseAlarm)),
		lived("shop", stagger.PhaseRolledBack, at(11, 3), time.Hour, met(57)),
		lived("shop", stagger.PhaseRolledBack, at(11, 4), time.Hour, byHand, met(3)),
		lived("shop", stagger.PhaseAborted, at(11, 20), time.Hour),
		{Service: "shop", Phase: stagger.PhaseProgressing, Created: at(11, 22)}, // not over
	}, 3, at(11, 23))
	september := outcome.Sums{
		Rollouts: 3, Promoted: 2, RolledBack: 1, Missed: 1, FalseAlarms: 1,
		Lead: outcome.Times{N: 2, Median: time.Hour, P90: 3 * time.Hour, Longest: 3 * time.Hour},
	}
	november := outcome.Sums{Rollouts: 3, RolledBack: 2, ByHand: 1, Unreviewed: 1, Aborted: 1, Counted: 2, Exposed: stagger.Exposure{All: 200, Requests: 60, Users: 4}}
	want := []outcome.Month{{at(9, 1).Add(-12 * time.Hour), september}, {at(10, 1).Add(-12 * time.Hour), outcome.Sums{}}, {at(11, 1).Add(-12 * time.Hour), november}}
	if diff := cmp.Diff(want, r.Months); diff != "" {
		t.Error(diff)
	}
	if len(r.Services) != 2 || r.Services[0].Name != "desk" || r.Services[0].FalseAlarms != 1 || r.Services[1].Rollouts != 5 || r.Total.Rollouts != 6 {
		t.Errorf("%+v, total %+v", r.Services, r.Total)
	}
}

// TestMonthsAddUp holds that whatever ended in the time is in one month, one
// service and the total.
func TestMonthsAddUp(t *testing.T) {
	phases := []stagger.Phase{stagger.PhasePromoted, stagger.PhaseRolledBack, stagger.PhaseAborted, stagger.PhaseSuperseded}
	rapid.Check(t, func(t *rapid.T) {
		now := began.Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "hours")) * time.Hour)
		months := rapid.IntRange(1, 24).Draw(t, "months")
		var lives []outcome.Life
		inside := 0
		for range rapid.IntRange(0, 50).Draw(t, "rollouts") {
			end := now.Add(-time.Duration(rapid.IntRange(0, 20000).Draw(t, "ago")) * time.Hour)
			lives = append(lives, outcome.Life{
				Service: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "service"), Phase: rapid.SampledFrom(phases).Draw(t, "phase"),
				Created: end.Add(-time.Hour), Ended: end, Everybody: end,
			})
			if !end.Before(outcome.FirstOf(now, months-1)) {
				inside++
			}
		}
		r := outcome.Over(lives, months, now)
		byMonth, byService := 0, 0
		for _, m := range r.Months {
			byMonth += m.Promoted + m.RolledBack + m.Aborted + m.Superseded
		}
		for _, s := range r.Services {
			byService += s.Rollouts
		}
		if len(r.Months) != months || byMonth != inside || byService != inside || r.Total.Rollouts != inside {
			t.Fatalf("%d months, %d by month, %d by service, %d in all; %d ended", len(r.Months), byMonth, byService, r.Total.Rollouts, inside)
		}
	})
}
