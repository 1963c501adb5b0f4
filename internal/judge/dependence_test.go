package judge_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/judge"
)

// crowd is a world in which requests have subjects and need not be
// independent.
type crowd struct {
	*world
	users int
	burst float64 // mean length of a user's run of failures; 0 is none
	over  time.Duration
	stall float64 // pauses of a version per second, which delay its requests

	bursts []burst
	seen   [2]map[int]bool // who failed, by side
}

// burst is a user's failures to come.
type burst struct {
	user, side int
	at         []time.Time
}

func newCrowd(seed uint64, rate float64) *crowd {
	return &crowd{world: newWorld(seed, rate), users: 20_000, seen: [2]map[int]bool{{}, {}}}
}

// tick draws one tick.
func (c *crowd) tick() stagger.Tick {
	from := c.now
	c.now = c.now.Add(tickLength)
	var arms [2]stagger.Observation
	for side := range arms {
		arms[side] = stagger.Observation{
			Version: []string{"v1", "v2"}[side], Service: "shop", Route: "all", From: from, To: c.now,
			Groups: make([]stagger.Group, stagger.Groups),
		}
	}
	pause := [2]float64{c.pause(), c.pause()}
	for range c.poisson(c.rate * tickLength.Seconds()) {
		user := c.random.IntN(c.users)
		side, v := 0, c.v1
		if float64(user)/float64(c.users) < c.share {
			side, v = 1, c.v2
		}
		c.visit(&arms[side], v, side, user, pause[side])
	}
	for i := range c.bursts {
		c.replay(&c.bursts[i], &arms)
	}
	c.bursts = slices.DeleteFunc(c.bursts, func(b burst) bool { return len(b.at) == 0 })
	for i := range arms {
		byIndex := func(a, b stagger.Bucket) int { return int(a.Index - b.Index) }
		slices.SortFunc(arms[i].Latency.Buckets, byIndex)
		for g := range arms[i].Groups {
			slices.SortFunc(arms[i].Groups[g].Latency.Buckets, byIndex)
		}
	}
	return stagger.Tick{Service: "shop", From: from, To: c.now, Age: 500 * time.Millisecond, Observations: arms[:]}
}

// pause draws how long a version stands still in this tick, in seconds.
func (c *crowd) pause() float64 {
	if c.random.Float64() < c.stall*tickLength.Seconds() {
		return 0.15
	}
	return 0
}

func (c *crowd) visit(o *stagger.Observation, v version, side, user int, pause float64) {
	seconds := 0.012 * v.slow * math.Exp(0.4*c.random.NormFloat64())
	if pause > 0 && c.random.Float64() < 0.5 {
		seconds += pause * c.random.Float64()
	}
	fails := c.random.Float64() < v.errors
	if c.burst > 0 {
		fails = c.random.Float64() < v.errors/c.burst
	}
	c.count(o, side, user, seconds, fails)
	if fails && c.burst > 0 {
		c.retry(side, user)
	}
}

// retry lets a user fail more, within the time that a burst lasts.
func (c *crowd) retry(side, user int) {
	b := burst{user: user, side: side}
	for c.random.Float64() > 1/c.burst {
		b.at = append(b.at, c.now.Add(time.Duration(c.random.Float64()*float64(c.over))))
	}
	c.bursts = append(c.bursts, b)
}

func (c *crowd) replay(b *burst, arms *[2]stagger.Observation) {
	b.at = slices.DeleteFunc(b.at, func(at time.Time) bool {
		due := !at.After(c.now)
		if due {
			c.count(&arms[b.side], b.side, b.user, 0.012, true)
		}
		return due
	})
}

func (c *crowd) count(o *stagger.Observation, side, user int, seconds float64, fails bool) {
	g := &o.Groups[user*7919%stagger.Groups]
	o.Started++
	g.Started++
	if fails {
		o.Outcomes.ServerError++
		g.Failed++
		if !c.seen[side][user] {
			c.seen[side][user] = true
			o.FirstFailed++
			g.FirstFailed++
		}
	} else {
		o.Outcomes.OK++
	}
	index := histogram.Index(time.Duration(seconds * float64(time.Second)))
	put(&o.Latency, index)
	for index%stagger.GroupSteps != 0 {
		index++
	}
	put(&g.Latency, index)
}

func put(h *stagger.Histogram, index int32) {
	for i := range h.Buckets {
		if h.Buckets[i].Index == index {
			h.Buckets[i].Count++
			return
		}
	}
	h.Buckets = append(h.Buckets, stagger.Bucket{Index: index, Count: 1})
}

// live runs a judge for a while after two minutes of warming up.
func (c *crowd) live(share float64, length time.Duration) *judge.Judge {
	j := judge.New(judge.Config{Baseline: "v1", Candidate: "v2", Guardrails: guardrails(), Planned: 20 * time.Minute})
	for range 2 * 60 * 4 {
		j.Observe(c.tick())
	}
	c.share = share
	j.BeginStage(c.now)
	for end := c.now.Add(length); c.now.Before(end); {
		j.Observe(c.tick())
	}
	return j
}

func finding(v stagger.Verdict, slot string) stagger.Finding {
	for _, f := range v.Findings {
		if f.Slot == slot {
			return f
		}
	}
	return stagger.Finding{}
}

// TestDependenceIsMeasuredAndAllowedFor lets both versions behave alike, but
// not their requests independently.
func TestDependenceIsMeasuredAndAllowedFor(t *testing.T) {
	runs := uint64(12)
	if testing.Short() {
		runs = 3
	}
	for name, row := range map[string]struct {
		change func(*crowd)
		slot   string
		rungs  []string
	}{
		"independent": {func(*crowd) {}, "", []string{"plain"}},
		"bursts of 5 in the same second": {
			func(c *crowd) { c.v1.errors, c.v2.errors, c.burst, c.over = 0.004, 0.004, 5, time.Second }, "", []string{"users"},
		},
		"bursts of 5 over 10 s": {
			func(c *crowd) { c.v1.errors, c.v2.errors, c.burst, c.over = 0.004, 0.004, 5, 10*time.Second }, "", []string{"users"},
		},
		"bursts of 20 over 30 s": {
			func(c *crowd) { c.v1.errors, c.v2.errors, c.burst, c.over = 0.004, 0.004, 20, 30*time.Second }, "", []string{"users", "blocks", "tempered"},
		},
		"pauses of a version": {func(c *crowd) { c.stall = 0.2 }, "p99", []string{"tempered"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong, off := 0, 0
			for seed := range runs {
				c := newCrowd(seed, 400)
				row.change(c)
				v := c.live(0.25, 10*time.Minute).Verdict(c.now)
				if v.Outcome == stagger.OutcomeRegressed {
					wrong++
					t.Logf("seed %d: %s", seed, v.Sentence)
				}
				if f := finding(v, row.slot); !slices.Contains(row.rungs, f.Rung) {
					off++
					t.Logf("seed %d: rung %q at dispersion %.2f", seed, f.Rung, f.Dispersion)
				}
			}
			if wrong > 0 {
				t.Errorf("%d of %d healthy candidates were rolled back", wrong, runs)
			}
			if off > int(runs)/6 {
				t.Errorf("%d of %d stand on another rung", off, runs)
			}
		})
	}
}

// TestClumpsWouldFoolThePlainTest shows what the ladder is for: the same worlds
// without groups, so that dependence cannot be seen.
func TestClumpsWouldFoolThePlainTest(t *testing.T) {
	fooled := 0
	for seed := range uint64(6) {
		c := newCrowd(seed, 400)
		c.v1.errors, c.v2.errors, c.burst, c.over = 0.01, 0.01, 20, 30*time.Second
		j := judge.New(judge.Config{Baseline: "v1", Candidate: "v2", Guardrails: guardrails(), Planned: 20 * time.Minute})
		c.share = 0.25
		for range 10 * 60 * 4 {
			tick := c.tick()
			for i := range tick.Observations {
				tick.Observations[i].Groups = nil
			}
			j.Observe(tick)
		}
		if j.Verdict(c.now).Outcome == stagger.OutcomeRegressed {
			fooled++
		}
	}
	if fooled == 0 {
		t.Error("bursts fool nobody: the worlds of these tests have too little dependence")
	}
}

// TestHarmIsSeenThroughDependence makes the candidate worse while requests come
// in clumps.
func TestHarmIsSeenThroughDependence(t *testing.T) {
	for name, change := range map[string]func(*crowd){
		"four times the failures, in bursts": func(c *crowd) {
			c.v1.errors, c.v2.errors, c.burst, c.over = 0.01, 0.04, 5, 10*time.Second
		},
		"slower by half, with pauses": func(c *crowd) { c.stall, c.v2.slow = 0.2, 1.5 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrowd(1, 400)
			change(c)
			v := c.live(0.25, 15*time.Minute).Verdict(c.now)
			if v.Outcome != stagger.OutcomeRegressed {
				t.Errorf("%s: %s", v.Outcome, v.Sentence)
			}
		})
	}
}

// TestPlaceboAlarms breaks the assumption where the ladder does not look: a
// part of the baseline's own users fails more than the others, all the time.
func TestPlaceboAlarms(t *testing.T) {
	c := newCrowd(3, 400)
	j := judge.New(judge.Config{Baseline: "v1", Candidate: "v2", Guardrails: guardrails(), Planned: 20 * time.Minute})
	for range 60 * 4 {
		j.Observe(c.tick())
	}
	c.share = 0.25
	j.BeginStage(c.now)
	for range 30 * 4 {
		tick := c.tick()
		for g := range 4 { // the placebo's part
			tick.Observations[0].Groups[g].Failed++
		}
		j.Observe(tick)
	}
	c.v2.errors = 0.5 // this would be proof
	var v stagger.Verdict
	for range 30 * 4 {
		j.Observe(c.tick())
		v = j.Verdict(c.now)
	}
	if !strings.Contains(v.Uncertified, "not certified") || !strings.Contains(v.Sentence, "not certified") {
		t.Fatalf("the placebo is silent: %+v", v)
	}
	if v.Advice != stagger.AdviseShed || v.Outcome == stagger.OutcomeRegressed {
		t.Errorf("%s on evidence that is not certified: %s", v.Advice, v.Sentence)
	}
	state, err := j.State()
	if err != nil {
		t.Fatal(err)
	}
	again, err := judge.Restore(judge.Config{Baseline: "v1", Candidate: "v2", Guardrails: guardrails(), Planned: 20 * time.Minute}, state)
	if err != nil {
		t.Fatal(err)
	}
	if again.Verdict(c.now).Uncertified != v.Uncertified {
		t.Error("a restart forgets the alarm")
	}
}
