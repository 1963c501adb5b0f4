package present_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

func TestNumbersAsPeopleReadThem(t *testing.T) {
	for name, c := range map[string]struct{ got, want string }{
		"nothing":                 {present.Share(0), "0%"},
		"a trace is not nothing":  {present.Share(0.000004), "0.0004%"},
		"small shares are finer":  {present.Share(0.0011), "0.11%"},
		"larger ones coarser":     {present.Share(0.312), "31.2%"},
		"almost all is not all":   {present.Share(0.99996), "99.99%"},
		"all":                     {present.Share(1), "100%"},
		"once in its time":        {present.Chance(1), "once"},
		"a chosen level":          {present.Chance(0.005), "0.5%"},
		"no share":                {present.Share(math.NaN()), "–"},
		"a whole hash":            {present.Change(stagger.Change{Kind: "code", Commit: "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"}), "code · 0a1b2c3d4e"},
		"what is no hash":         {present.Change(stagger.Change{Commit: "refs/heads/a-branch-with-a-long-name"}), "refs/heads/a-branch-with-a-long-name"},
		"microseconds":            {present.Latency(0.00031), "310µs"},
		"milliseconds":            {present.Latency(0.0121), "12.1ms"},
		"many milliseconds":       {present.Latency(0.4312), "431ms"},
		"seconds":                 {present.Latency(2.5), "2.50s"},
		"no latency":              {present.Latency(0), "–"},
		"a slow rate":             {present.Rate(7.25), "7.2"},
		"a fast rate":             {present.Rate(12345.6), "12,346"},
		"a ratio":                 {present.Ratio(1.104), "×1.10"},
		"a large ratio":           {present.Ratio(411.3), "×411"},
		"a ratio beyond counting": {present.Ratio(1e6), "×∞"},
		"a count":                 {present.Count(1234567), "1,234,567"},
		"a short span":            {present.Span(4260 * time.Millisecond), "4.2s"},
		"a span of minutes":       {present.Span(102 * time.Second), "1m 42s"},
		"a whole hour":            {present.Span(time.Hour), "1h"},
		"a span of days":          {present.Span(75 * time.Hour), "3d 3h"},
		"a moment ago":            {present.Ago(time.Unix(100, 0), time.Unix(100, 5)), "just now"},
		"a while ago":             {present.Ago(time.Unix(100, 0), time.Unix(190, 0)), "1m 30s ago"},
		"an interval":             {present.Interval(stagger.Finding{Low: 0.41, High: 1.42}), "×0.41 to ×1.42"},
		"one without an end":      {present.Interval(stagger.Finding{Low: 0.41}), "×0.41 to ×∞"},
		"no interval":             {present.Interval(stagger.Finding{Estimate: 1}), "–"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}

// TestEveryStateHasASignOfItsOwn: colour is never the only sign.
func TestEveryStateHasASignOfItsOwn(t *testing.T) {
	seen := map[string]stagger.Phase{}
	for _, p := range []stagger.Phase{
		stagger.PhasePending, stagger.PhaseProgressing, stagger.PhaseWaiting, stagger.PhasePaused, stagger.PhaseBaking,
		stagger.PhasePromoted, stagger.PhaseRolledBack, stagger.PhaseAborted, stagger.PhaseSuperseded,
	} {
		s := present.Phase(p)
		if other, twice := seen[s.Symbol]; twice || s.Symbol == "?" || s.Words == "" {
			t.Errorf("%s: sign %q is that of %s", p, s, other)
		}
		seen[s.Symbol] = p
	}
}

func TestSuspicionShowsBeforeTheOutcomeChanges(t *testing.T) {
	f := stagger.Finding{Outcome: stagger.OutcomeInconclusive, Suspect: 1}
	if s := present.Finding(f); s.Words != "suspect" || s.Tone != present.Warn {
		t.Errorf("suspect: %v", s)
	}
	f.Outcome = stagger.OutcomeRegressed
	if s := present.Finding(f); s.Words != "regressed" || s.Tone != present.Bad {
		t.Errorf("regressed: %v", s)
	}
}

func TestTheLimitIsAlwaysAtTheSamePlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tolerance := rapid.Float64Range(1.001, 100).Draw(t, "tolerance")
		a := present.AxisOf(stagger.Finding{Tolerance: tolerance, Low: 1, Estimate: tolerance, High: tolerance})
		if math.Abs(a.Low-present.AxisSame) > 1e-9 || math.Abs(a.High-present.AxisLimit) > 1e-9 {
			t.Fatalf("tolerance %g: from %g to %g", tolerance, a.Low, a.High)
		}
	})
}

func TestAxisIsInOrderAndBounded(t *testing.T) {
	number := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 5), rapid.Just(0.0))
	rapid.Check(t, func(t *rapid.T) {
		f := stagger.Finding{Tolerance: number.Draw(t, "tolerance"), Low: number.Draw(t, "low")}
		f.Estimate = f.Low * rapid.Float64Range(1, 9).Draw(t, "estimate")
		f.High = f.Estimate * rapid.Float64Range(1, 9).Draw(t, "high")
		a := present.AxisOf(f)
		if a.Known && (!(0 <= a.Low && a.Low <= a.High && a.High <= 1) || !(0 <= a.Estimate && a.Estimate <= 1)) {
			t.Fatalf("%+v: %+v", f, a)
		}
	})
}

func TestLadderShowsWhereARolloutEnded(t *testing.T) {
	r := stagger.Rollout{
		Plan: stagger.Plan{Stages: []stagger.Stage{
			{Rules: []stagger.Rule{{Header: "a"}, {Header: "b"}}, Weight: 5 * stagger.WeightPercent, MinTime: time.Minute},
			{Name: "half", Weight: 50 * stagger.WeightPercent, MinTime: time.Minute, Timebox: time.Hour},
			{Weight: stagger.WeightFull},
		}, Bake: stagger.Bake{Time: 10 * time.Minute}},
		Stage: 1, Phase: stagger.PhaseProgressing, StageAt: time.Unix(100, 0),
	}
	type row struct {
		Sign, Name, Who, Bounds string
		Spent                   time.Duration
	}
	rows := func() (out []row) {
		for _, l := range present.Ladder(r, time.Unix(130, 0)) {
			out = append(out, row{l.Sign.String(), l.Name, l.Who, l.Bounds(), l.Spent})
		}
		return out
	}
	want := []row{
		{"✔ passed", "stage 1", "2 rules and 5%", "min 1m", 0},
		{"▶ progressing", "half", "50%", "min 1m · max 1h", 30 * time.Second},
		{"○ to come", "stage 3", "everybody", "", 0},
		{"○ to come", "bake", "everybody", "for 10m", 0},
	}
	if diff := cmp.Diff(want, rows()); diff != "" {
		t.Error(diff)
	}
	r.Phase = stagger.PhaseRolledBack
	if got := rows()[1]; got.Sign != "✘ rolled back here" || got.Spent != 0 {
		t.Errorf("ended: %+v", got)
	}
	r.Phase = stagger.PhasePromoted
	if got := rows()[3]; got.Sign != "✔ passed" {
		t.Errorf("promoted: %+v", got)
	}
}

func TestWantedSaysWhoMeetsTheCandidate(t *testing.T) {
	rules := []stagger.Rule{{Header: "a"}}
	if got := present.Wanted(stagger.Split{Baseline: "v2"}, "v2"); got != "everybody" {
		t.Errorf("after the promotion %q", got)
	}
	for want, s := range map[string]stagger.Split{
		"nobody":         {Candidate: "v2"},
		"5%":             {Candidate: "v2", Weight: 5 * stagger.WeightPercent},
		"by rule":        {Candidate: "v2", Rules: rules, RuleShare: stagger.WeightFull},
		"5% and by rule": {Candidate: "v2", Rules: rules, RuleShare: stagger.WeightFull, Weight: 5 * stagger.WeightPercent},
		"everybody":      {Candidate: "v2", Weight: stagger.WeightFull},
	} {
		if got := present.Wanted(s, "v2"); got != want {
			t.Errorf("%+v: %q, want %q", s, got, want)
		}
	}
}

func TestColumnsShowTheNewestPointOfTheirTime(t *testing.T) {
	at := func(seconds ...int) (out []time.Time) {
		for _, s := range seconds {
			out = append(out, time.Unix(int64(s), 0))
		}
		return out
	}
	for name, c := range map[string]struct {
		at   []time.Time
		n    int
		want []int
	}{
		"as many columns as points": {at(0, 1, 2, 3, 4), 4, []int{1, 2, 3, 4}},
		"fewer columns":             {at(0, 1, 2, 3, 4), 2, []int{2, 4}},
		"more columns":              {at(0, 10), 4, []int{0, 0, 0, 1}},
		"time passes unevenly":      {at(0, 1, 2, 8), 4, []int{2, 2, 2, 3}},
		"one point":                 {at(7), 3, []int{0, 0, 0}},
	} {
		if diff := cmp.Diff(c.want, present.Columns(c.at, c.n)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestPointsOfAPathReadLikeFindings(t *testing.T) {
	p := stagger.Path{
		At:     []time.Time{time.Unix(0, 0), time.Unix(1, 0), time.Unix(3, 0), time.Unix(4, 0)},
		Advice: []stagger.Advice{stagger.AdviseNothing, stagger.AdviseHold, stagger.AdviseHold, stagger.AdviseRollback},
		Slots: []stagger.PathSlot{{
			Signal: stagger.SignalGauge, Metric: "queue", Tolerance: 1.5, Estimate: []float64{0, 1, 2, 3}, Low: []float64{0, 0.5, 1, 2.5},
			High: []float64{0, 0, 4, 3.5}, Suspect: []float64{0, 1, 1, 1}, Rollback: []float64{0, 0, 0.5, 1}, Healthy: []float64{0, 0.1, 0, 0},
		}},
	}
	if diff := cmp.Diff([]int{1, 3}, present.Turns(p)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{0, 0.25, 0.75, 1}, present.Places(p.At)); diff != "" {
		t.Error(diff)
	}
	f := present.At(p.Slots[0], 3)
	if present.Signal(f) != "gauge queue" || present.Interval(f) != "×2.50 to ×3.50" || f.Rollback != 1 || f.Suspect != 1 {
		t.Errorf("%+v", f)
	}
	if present.AxisOf(present.At(p.Slots[0], 0)).Known {
		t.Error("something is known before there was evidence")
	}
	if present.Advice(p.Advice[3]).Symbol == present.Advice(p.Advice[1]).Symbol {
		t.Error("two advices share a symbol")
	}
}

func TestEveryUseHasAName(t *testing.T) {
	seen := map[string]stagger.Use{}
	for _, u := range []stagger.Use{
		stagger.UseRollback, stagger.UseHold, stagger.UseShed, stagger.UseSplit, stagger.UseHealthy, stagger.UsePlacebo, stagger.UsePast,
	} {
		name, chance, _ := present.Use(u)
		if other, taken := seen[name]; taken || chance == "being wrong about it" {
			t.Errorf("%s and %s are both %q: %s", u, other, name, chance)
		}
		seen[name] = u
	}
}

func TestLevelsAreInTheUnitOfTheirSignal(t *testing.T) {
	for signal, want := range map[stagger.Signal]string{
		stagger.SignalErrors: "25.0%", stagger.SignalRetries: "25.0%", stagger.SignalLatency: "250ms", stagger.SignalGauge: "0.25", stagger.SignalCount: "0.25",
	} {
		if got := present.Level(signal, 0.25); got != want {
			t.Errorf("%s: %s, want %s", signal, got, want)
		}
	}
}

func TestAStageThatOnlyMirrorsSaysSo(t *testing.T) {
	r := stagger.Rollout{Plan: stagger.Plan{Stages: []stagger.Stage{
		{Name: "a", Shadow: 10 * stagger.WeightPercent, MinSamples: 500},
		{Name: "b", Weight: stagger.WeightPercent, Shadow: 10 * stagger.WeightPercent, MinSamples: 500},
	}}}
	rungs := present.Ladder(r, time.Time{})
	v := stagger.Verdict{Mirrored: 12, Baseline: stagger.Sample{Stage: 900}, Candidate: stagger.Sample{Stage: 7}}
	if got := rungs[0].Who + "; " + rungs[0].Judged(v); got != "nobody, 10% mirrored; 12 of 500 mirrored requests" {
		t.Errorf("the first stage: %s", got)
	}
	if got := rungs[1].Who + "; " + rungs[1].Judged(v); got != "1%; 7 of 500 requests" {
		t.Errorf("the second stage: %s", got)
	}
	if got := present.Wanted(stagger.Split{Baseline: "v1", Candidate: "v2", Shadow: stagger.WeightPercent}, "v2"); got != "nobody, 1% mirrored" {
		t.Errorf("wanted %s", got)
	}
	if got := present.Dropped([]stagger.Dropped{{Reason: "large_request", N: 1200}, {Reason: "busy", N: 1}}); got != "1,200 large request, 1 busy" {
		t.Errorf("dropped %s", got)
	}
}
