package course_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/course"
	"github.com/stagger-dev/stagger/internal/distinct"
	"github.com/stagger-dev/stagger/internal/histogram"
)

var began = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const quarter = 250 * time.Millisecond

// world makes ticks.
type world struct {
	now    time.Time
	random *rand.Rand
}

func newWorld() *world { return &world{now: began, random: rand.New(rand.NewPCG(3, 5))} }

// tick is the next quarter second: so many requests of each version, of which
// every hundredth fails at v2, and all of which take the given time.
func (w *world) tick(v1, v2 int, took time.Duration) *stagger.Tick {
	t := &stagger.Tick{From: w.now, To: w.now.Add(quarter)}
	w.now = t.To
	for version, n := range map[string]int{"v1": v1, "v2": v2, "v9": 7} {
		o := stagger.Observation{Version: version, Route: "/", Started: uint64(n)}
		if version == "v2" {
			o.Outcomes.ServerError = uint64(n / 100)
		}
		o.Outcomes.OK = o.Started - o.Outcomes.ServerError
		if n > 0 {
			o.Latency = stagger.Histogram{
				Sum:     took.Seconds() * float64(n),
				Buckets: []stagger.Bucket{{Index: histogram.Index(took), Count: uint64(n)}},
			}
		}
		t.Observations = append(t.Observations, o)
	}
	return t
}

func TestCourseIsBoundedAndLosesNoRequest(t *testing.T) {
	w, r := newWorld(), course.New("v1", "v2")
	for _, ticks := range []int{3, 400, 1000, 9000, 30_000} {
		for range ticks {
			r.Look(0.25, stagger.Level{InFlight: 4}, stagger.Level{InFlight: 2})
			r.Observe(w.tick(300, 100, 20*time.Millisecond))
		}
		c, e := r.Course(), r.Exposure()
		if n := len(c.At); n < min(ticks/4, 120) || n > 241 {
			t.Fatalf("after %s the course has %d moments", w.now.Sub(began), n)
		}
		requests, failed, seen := 0.0, 0.0, 0.0
		for i := range c.At {
			requests += c.Candidate.Requests[i]
			failed += c.Candidate.Failed[i]
			seen += c.Seen[i]
			want(t, "rate", c.Candidate.Rate[i], 400)
			want(t, "errors", c.Candidate.Errors[i], 0.01)
			want(t, "observed", c.Observed[i], 0.25)
			want(t, "wished", c.Wished[i], 0.25)
			want(t, "in flight", c.Baseline.InFlight[i], 4)
			want(t, "p50", c.Baseline.P50[i], 0.02)
		}
		if uint64(requests) != e.Requests || uint64(failed) != e.Failed {
			t.Errorf("the course has %.0f requests and %.0f failures, %d and %d were counted", requests, failed, e.Requests, e.Failed)
		}
		want(t, "seen", seen, w.now.Sub(began).Seconds())
		if last := c.At[len(c.At)-1]; !last.Equal(w.now) || !c.Since.Equal(began) {
			t.Errorf("it is of %s to %s", c.Since, last)
		}
	}
}

// want holds that two numbers are the same as far as a bucket or a rounding goes.
func want(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 0.02*want) {
		t.Fatalf("%s is %g, not %g", what, got, want)
	}
}

func TestStepShowsInTheCourseWhereItWas(t *testing.T) {
	w, r := newWorld(), course.New("v1", "v2")
	for i := range 4000 {
		took := 10 * time.Millisecond
		if i >= 3000 {
			took = 40 * time.Millisecond
		}
		r.Observe(w.tick(100, 100, took))
	}
	c := r.Course()
	for i, at := range c.At {
		switch p99 := c.Candidate.P99[i]; {
		case !at.After(began.Add(3000 * quarter)):
			want(t, "before", p99, 0.010)
		case at.Sub(began.Add(3000*quarter)) > 2*c.Step:
			want(t, "after", p99, 0.040)
		}
	}
}

func TestGapIsUnknownAndNotZero(t *testing.T) {
	w, r := newWorld(), course.New("v1", "v2")
	for range 10 {
		r.Observe(w.tick(10, 10, time.Millisecond))
	}
	w.now = w.now.Add(time.Minute)
	for range 10 {
		r.Observe(w.tick(10, 0, time.Millisecond))
	}
	c := r.Course()
	gap := -1
	for i := range c.At {
		if c.Seen[i] == 0 {
			if gap >= 0 {
				t.Fatal("there are two gaps")
			}
			gap = i
		}
	}
	if gap < 0 || c.At[gap].Sub(c.At[gap-1]) != time.Minute {
		t.Fatalf("the minute without telemetry is moment %d of %v", gap, c.At)
	}
	for what, list := range map[string]stagger.Series{"rate": c.Candidate.Rate, "observed": c.Observed, "p50": c.Baseline.P50} {
		if _, known := list.At(gap); known {
			t.Errorf("%s is said to be known in the gap", what)
		}
	}
	last := len(c.At) - 1
	if rate, known := c.Candidate.Rate.At(last); !known || rate != 0 {
		t.Errorf("the rate of who gets nothing is %g, known %t", rate, known)
	}
	if _, known := c.Candidate.Errors.At(last); known {
		t.Error("a share of no requests is said to be known")
	}
}

func TestRecorderGoesOnWhereItWas(t *testing.T) {
	w, whole := newWorld(), course.New("v1", "v2")
	parts := whole
	again := newWorld()
	whole = course.New("v1", "v2")
	for i := range 3000 {
		depth, used := float64(i%7), 0.5
		level := stagger.Level{InFlight: int64(i % 5), Saturation: &used, Backlog: &depth, Readings: []stagger.Reading{{Signal: stagger.SignalGauge, Metric: "queue_depth", Value: depth}}}
		for _, r := range []*course.Recorder{whole, parts} {
			r.Look(0.1, stagger.Level{}, level)
			if i == 1500 {
				r.BeginStage(1, w.now)
			}
		}
		whole.Observe(w.tick(90, 10, time.Duration(1+i%40)*time.Millisecond))
		parts.Observe(again.tick(90, 10, time.Duration(1+i%40)*time.Millisecond))
		if i%501 == 0 {
			parts = reopened(t, parts)
		}
	}
	near := cmp.Options{cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 0)}
	if diff := cmp.Diff(whole.Course(), parts.Course(), near); diff != "" {
		t.Errorf("the course (-whole +in parts):\n%s", diff)
	}
	if diff := cmp.Diff(whole.Distribution(), parts.Distribution(), near); diff != "" {
		t.Errorf("the distribution (-whole +in parts):\n%s", diff)
	}
	if diff := cmp.Diff(whole.Exposure(), parts.Exposure()); diff != "" {
		t.Errorf("the exposure (-whole +in parts):\n%s", diff)
	}
}

func reopened(t *testing.T, r *course.Recorder) *course.Recorder {
	t.Helper()
	state, err := r.State()
	if err != nil {
		t.Fatal(err)
	}
	if len(state) > 150_000 {
		t.Errorf("the state has %d bytes", len(state))
	}
	again, err := course.Restore(state)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestStateThatDoesNotFitTogetherIsRefused(t *testing.T) {
	for _, text := range []string{
		``, `{}`, `{"versions":["v1","v2"],"course":{"step":1000000000,"at":["2026-11-23T12:00:00Z"],"baseline":{"version":"v1"},"candidate":{"version":"v2"}}}`,
		`{"versions":["v1","v2"],"crowd":"AAAA","course":{"step":1000000000,"baseline":{"version":"v1"},"candidate":{"version":"v2"}}}`,
		`{"versions":["v1","v3"],"course":{"step":1000000000,"baseline":{"version":"v1"},"candidate":{"version":"v2"}}}`,
	} {
		if _, err := course.Restore([]byte(text)); err == nil {
			t.Errorf("is read: %s", text)
		}
	}
}

func TestTickThatIsNoNewsIsPassedOver(t *testing.T) {
	w, r := newWorld(), course.New("v1", "v2")
	tick := w.tick(5, 5, time.Millisecond)
	r.Observe(tick)
	r.Observe(tick)
	if e := r.Exposure(); e.Requests != 5 || e.All != 10 {
		t.Errorf("a tick that came twice counts %+v", e)
	}
}

func TestDistributionIsOfTheStageAndOfTheRollout(t *testing.T) {
	w, r := newWorld(), course.New("v1", "v2")
	r.BeginStage(0, w.now)
	for range 100 {
		r.Observe(w.tick(50, 10, 10*time.Millisecond))
	}
	r.BeginStage(1, w.now)
	r.BeginStage(1, w.now.Add(time.Second)) // it has begun already
	for range 100 {
		r.Observe(w.tick(30, 30, 80*time.Millisecond))
	}
	d := r.Distribution()
	if d.Stage.Baseline.Total != 3000 || d.Stage.Candidate.Total != 3000 || d.Rollout.Baseline.Total != 8000 || d.Rollout.Candidate.Total != 4000 {
		t.Errorf("in the stage %d and %d, in all %d and %d", d.Stage.Baseline.Total, d.Stage.Candidate.Total, d.Rollout.Baseline.Total, d.Rollout.Candidate.Total)
	}
	want(t, "p50 of the stage", d.Stage.Candidate.P50, 0.08)
	want(t, "p50 of the rollout", d.Rollout.Baseline.P50, 0.01)
	want(t, "p75 of the rollout", d.Rollout.Candidate.P75, 0.08)
	want(t, "mean of the rollout", d.Rollout.Candidate.Mean, 0.0625)
	if !d.Stage.Since.Equal(began.Add(100*quarter)) || !d.At.Equal(w.now) {
		t.Errorf("the stage's is of %s to %s", d.Stage.Since, d.At)
	}
}

// TestBinsHoldEveryRequestOnce draws latencies over the whole range.
func TestBinsHoldEveryRequestOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, widest := range []float64{0.1, 3, 14} { // octaves
		w, r := newWorld(), course.New("v1", "v2")
		below := 0
		for range 4000 {
			took := time.Duration(float64(50*time.Microsecond) * math.Exp2(random.Float64()*widest))
			if took <= time.Millisecond {
				below++
			}
			r.Observe(w.tick(1, 1, took))
		}
		l := r.Distribution().Rollout
		if len(l.Bounds) > 256 || len(l.Candidate.Counts) != len(l.Bounds) || len(l.Baseline.Counts) != len(l.Bounds) {
			t.Fatalf("%d bounds, %d and %d counts", len(l.Bounds), len(l.Baseline.Counts), len(l.Candidate.Counts))
		}
		total, cdf := uint64(0), 0.0
		for i, n := range l.Candidate.Counts {
			total += n
			if l.Bounds[i] <= 0.001*1.1 {
				cdf = float64(total)
			}
			if i > 0 && !(l.Bounds[i] > l.Bounds[i-1]) {
				t.Fatal("the bounds do not rise")
			}
		}
		if total != 4000 || l.Candidate.Total != total {
			t.Errorf("%d of 4000 are in the bins", total)
		}
		if off := math.Abs(cdf - float64(below)); widest > 3 && off > 100 {
			t.Errorf("%g lie below a millisecond, by the bins %g", float64(below), cdf)
		}
	}
}

func TestNothingSeenIsAnEmptyDistribution(t *testing.T) {
	d := course.New("v1", "v2").Distribution()
	if d.Stage.Bounds == nil || len(d.Stage.Bounds) != 0 || d.Rollout.Candidate.Counts == nil || d.Rollout.Candidate.P99 != 0 {
		t.Errorf("%+v", d)
	}
}

func TestUsersAreCountedOverRestarts(t *testing.T) {
	w, r := newWorld(), course.New("v1", "v2")
	var before, after distinct.Sketch
	for i := range 1000 {
		hash := w.random.Uint64()
		if i < 700 {
			before.Add(hash)
		}
		if i >= 300 {
			after.Add(hash)
		}
	}
	for range 40 {
		r.Observe(w.tick(0, 50, time.Millisecond))
	}
	r.Meet(&before)
	r.Meet(nil)
	r = reopened(t, r)
	r.Meet(&after)
	if users := r.Exposure().Users; users < 930 || users > 1070 {
		t.Errorf("of 1000 users %d are counted", users)
	}
}

func TestExposureKeptElsewhereIsNotLost(t *testing.T) {
	w, r := newWorld(), course.New("v1", "v2")
	r.Observe(w.tick(5, 5, time.Millisecond))
	r.Amend(stagger.Exposure{All: 100, Requests: 40, Failed: 2, Users: 30})
	r.Observe(w.tick(5, 5, time.Millisecond))
	if e := r.Exposure(); e != (stagger.Exposure{All: 110, Requests: 45, Failed: 2, Users: 30}) {
		t.Errorf("%+v", e)
	}
}

func TestMetricsBeyondTheBoundAreLeftOut(t *testing.T) {
	w, r := newWorld(), course.New("v1", "v2")
	var level stagger.Level
	for i := range 40 {
		level.Readings = append(level.Readings, stagger.Reading{Signal: stagger.SignalGauge, Metric: string(rune('a' + i)), Value: 1})
	}
	for range 100 {
		r.Look(0, level, level)
		r.Observe(w.tick(1, 1, time.Millisecond))
	}
	c := reopened(t, r).Course()
	if n := len(c.Baseline.Readings); n != 16 {
		t.Errorf("%d metrics are kept", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	w, r := newWorld(), course.New("v1", "v2")
	tick := w.tick(200, 50, 12*time.Millisecond)
	b.ReportAllocs()
	for b.Loop() {
		tick.From, tick.To = tick.From.Add(quarter), tick.To.Add(quarter)
		r.Look(0.1, stagger.Level{}, stagger.Level{})
		r.Observe(tick)
	}
}

func BenchmarkState(b *testing.B) {
	w, r := newWorld(), course.New("v1", "v2")
	for range 2000 {
		r.Observe(w.tick(200, 50, time.Duration(1+w.random.IntN(300))*time.Millisecond))
	}
	for b.Loop() {
		if _, err := r.State(); err != nil {
			b.Fatal(err)
		}
	}
}
