package dashboard_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/course"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// lived records a course of 40 seconds in which v2 is 1.2 times as slow.
func lived(t *testing.T, w world) {
	t.Helper()
	r := course.New("v1", "v2")
	r.BeginStage(1, apitest.Epoch)
	random := rand.New(rand.NewPCG(1, 2))
	backlog := 7.0
	for i := range 160 {
		from := apitest.Epoch.Add(time.Duration(i) * 250 * time.Millisecond)
		r.Look(0.1, stagger.Level{InFlight: 14}, stagger.Level{InFlight: 2, Backlog: &backlog})
		r.Observe(&stagger.Tick{Service: "shop", From: from, To: from.Add(250 * time.Millisecond), Observations: []stagger.Observation{
			seen("v1", from, 270, 0.012, random), seen("v2", from, 30, 0.0144, random),
		}})
	}
	state, err := r.State()
	must(t, err)
	must(t, w.Store.SaveCourse(t.Context(), "shop-20261123-120000-4f2a", state))
}

// seen are n requests whose latencies lie around a median.
func seen(version string, from time.Time, n int, median float64, random *rand.Rand) stagger.Observation {
	counts := map[int32]uint64{}
	var h stagger.Histogram
	for range n {
		d := median * math.Exp(0.4*random.NormFloat64())
		counts[histogram.Index(time.Duration(d*float64(time.Second)))]++
		h.Sum += d
	}
	for _, i := range slices.Sorted(maps.Keys(counts)) {
		h.Buckets = append(h.Buckets, stagger.Bucket{Index: i, Count: counts[i]})
	}
	return stagger.Observation{
		Service: "shop", Version: version, Route: "all", From: from, To: from.Add(250 * time.Millisecond),
		Started: uint64(n), Outcomes: stagger.Outcomes{OK: uint64(n)}, Latency: h,
	}
}

func TestBothVersionsStandSideBySide(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	lived(t, w)
	p, _ := w.get(t, rolloutPath+"?part=course", http.StatusOK)
	p.wants(t, "Both versions, side by side", "share on v2", "requests/s", "errors", "latency p50 and p99", "in flight", "backlog", "Marked: ▶ stage entered ◆ held")
	plots := p.plots(t)
	if len(plots) != 6 {
		t.Fatalf("%d plots of the 6 things that are known", len(plots))
	}
	for _, c := range plots {
		if c.From == 0 || len(c.X) < 5 || len(c.Marks) == 0 {
			t.Errorf("%d moments, %d marks: %+v", len(c.X), len(c.Marks), c.Series)
		}
	}
	share := plots[0]
	if *share.Series[0].Values[1] != 0.1 || math.Abs(*share.Series[1].Values[1]-0.1) > 0.001 {
		t.Errorf("wished %v, observed %v", *share.Series[0].Values[1], *share.Series[1].Values[1])
	}
	if backlog := plots[5]; backlog.Series[0].Values[1] != nil || *backlog.Series[1].Values[1] != 7 {
		t.Errorf("the backlog of v1 is not known, that of v2 is 7: %+v", backlog.Series)
	}
}

func TestWithoutACourseNothingIsDrawn(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	for _, part := range []string{"course", "distribution"} {
		if p, _ := w.get(t, rolloutPath+"?part="+part, http.StatusOK); len(p.plots(t)) > 0 || len(p.tags("section")) > 0 {
			t.Errorf("%s: %s", part, p.source)
		}
	}
}
