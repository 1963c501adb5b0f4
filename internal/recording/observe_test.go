package recording

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagger-dev/stagger"
)

// told is what the judge is told of the only tick of a recording.
func told(t *testing.T, lines ...string) stagger.Tick {
	t.Helper()
	s := Source{File: "r.jsonl", Lines: func(yield func([]byte, error) bool) {
		for _, l := range lines {
			if !yield([]byte(`{"at":"2026-01-02T03:04:05Z",`+l+"}"), nil) {
				return
			}
		}
	}}
	h := NewHearing(Case{Names: Names{Baseline: "v1", Candidate: "v2"}})
	for tick, err := range Ticks(s, h.of.Names) {
		if err != nil {
			t.Fatal(err)
		}
		return h.tick(tick)
	}
	t.Fatal("there is no tick")
	return stagger.Tick{}
}

var untimed = cmpopts.IgnoreFields(stagger.Observation{}, "From", "To")

// TestLinesOfHostsAddUp has two hosts of one version, on one route as two proxies
// counted it, and a gauge of a third host that met nobody.
func TestLinesOfHostsAddUp(t *testing.T) {
	got := told(t,
		`"version":"v2","host":"b","proxy":"east","started":5,"failed":1,"unfinished":1,"arrived":2,"latency":{"schema":5,"buckets":{"-7":3,"-1":1}},"counts":{"refunds":2,"mails":1}`,
		`"version":"v2","host":"a","proxy":"east","started":3,"failed":0,"arrived":1,"latency":{"schema":5,"buckets":{"-16":1,"-7":2}},"counts":{"refunds":5},"gauges":{"cpu":0.5,"heap":3}`,
		`"version":"v2","host":"c","proxy":"east","started":0,"failed":0,"gauges":{"cpu":0.1}`,
		`"version":"v2","proxy":"west","started":2,"failed":2,"latency_seconds":[1,1]`,
		`"version":"v1","started":0,"failed":0,"share":0.25`,
	)
	bucket := func(index int32, n uint64) stagger.Bucket { return stagger.Bucket{Index: index, Count: n} }
	of := func(buckets ...stagger.Bucket) stagger.Histogram { return stagger.Histogram{Buckets: buckets} }
	want := []stagger.Observation{
		{Version: "v1", Route: "all"},
		{
			Version: "v2", Route: "all", Proxy: "east", Started: 8, Unfinished: 1, Arrived: 3,
			Outcomes: stagger.Outcomes{OK: 6, ServerError: 1}, Latency: of(bucket(-16, 1), bucket(-7, 5), bucket(-1, 1)),
			Hosts: []stagger.Host{
				{Name: "a", Group: stagger.Group{Started: 3, Latency: of(bucket(-16, 1), bucket(0, 2))}},
				{Name: "b", Group: stagger.Group{Started: 5, Failed: 1, Unfinished: 1, Latency: of(bucket(0, 4))}},
				{Name: "c"},
			},
			Counts: []stagger.Count{{Metric: "mails", N: 1}, {Metric: "refunds", N: 7}},
			Gauges: []stagger.Gauge{
				{Metric: "cpu", Instance: "a", Value: 0.5}, {Metric: "heap", Instance: "a", Value: 3}, {Metric: "cpu", Instance: "c", Value: 0.1},
			},
		},
		{
			Version: "v2", Route: "all", Proxy: "west", Started: 2, Outcomes: stagger.Outcomes{ServerError: 2},
			Latency: stagger.Histogram{Buckets: []stagger.Bucket{bucket(0, 2)}, Sum: 2},
		},
	}
	if diff := cmp.Diff(want, got.Observations, untimed, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if got.Share == nil || *got.Share != 0.25 {
		t.Errorf("the share is %v, want 0.25", got.Share)
	}
}

// TestLatencyOfSomeHostsIsNoSample leaves it out for one of two.
func TestLatencyOfSomeHostsIsNoSample(t *testing.T) {
	got := told(t,
		`"version":"v1","host":"a","started":1,"failed":0,"unfinished":1,"latency":{"schema":5}`,
		`"version":"v1","host":"b","started":2,"failed":0,"unfinished":1`,
		`"version":"v2","started":0,"failed":0`,
	).Observations[0]
	want := stagger.Observation{
		Version: "v1", Route: "all", Started: 3, Outcomes: stagger.Outcomes{OK: 1},
		Hosts: []stagger.Host{{Name: "a", Group: stagger.Group{Started: 1}}, {Name: "b", Group: stagger.Group{Started: 2}}},
	}
	if diff := cmp.Diff(want, got, untimed, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// TestOnlyMetricsThatNobodyLooksAtAreSaidToBeIgnored names one of three in a
// guardrail.
func TestOnlyMetricsThatNobodyLooksAtAreSaidToBeIgnored(t *testing.T) {
	h := NewHearing(Case{
		Names:      Names{Baseline: "v1", Candidate: "v2"},
		Guardrails: []stagger.Guardrail{{Signal: stagger.SignalCount, Metric: "refunds", Action: stagger.ActionHold, Alpha: 0.01}},
	})
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := Line{Route: "all", Counts: map[string]uint64{"refunds": 1, "mails": 2}, Gauges: map[string]float64{"cpu": 1}}
	h.Hear(Tick{From: now, To: now.Add(time.Second), Lines: [sides][]Line{{l}, {l}}})
	if w := h.Summary().Warnings; len(w) != 1 || !strings.HasPrefix(w[0], "no guardrail looks at cpu, mails; name them as metric in a plan") {
		t.Errorf("warnings %q", w)
	}
}

// TestASharedTimeBelongsToNoOtherDay compares two files: what arrived on one day
// is not held against what the other day's split was.
func TestASharedTimeBelongsToNoOtherDay(t *testing.T) {
	day := func(at string) Source {
		return Source{File: at, Lines: func(yield func([]byte, error) bool) {
			yield([]byte(`{"at":"`+at+`T00:00:00Z","started":5,"failed":0,"arrived":5,"share":0.5}`), nil)
		}}
	}
	for tick, err := range Aligned(day("2026-01-02"), day("2026-01-03")) {
		if err != nil || tick.Share != nil {
			t.Errorf("share %v, %v", tick.Share, err)
		}
	}
}
