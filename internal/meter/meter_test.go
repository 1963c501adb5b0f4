package meter_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/meter"
)

// start is when tests begin: a border of ticks.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const tick = 250 * time.Millisecond

func ticks(t testing.TB, m *meter.Meter, after time.Time) []stagger.Tick {
	t.Helper()
	got, err := m.Ticks(t.Context(), "shop", after)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// warm teaches m that requests take d, so that it seals early.
func warm(t *testing.T, m *meter.Meter, s *meter.Series, d time.Duration) time.Time {
	t.Helper()
	s.Begin(start, 0).End(start.Add(d), meter.OK)
	m.Seal(start.Add(tick + 2*time.Second))
	if len(ticks(t, m, start)) == 0 {
		t.Fatal("nothing was sealed")
	}
	return start.Add(tick + 2*time.Second).Truncate(tick)
}

func TestATickHoldsWhatStartedInIt(t *testing.T) {
	m := meter.New(meter.Options{})
	v1, v2 := m.Series("shop", "v1", "all"), m.Series("shop", "v2", "all")
	v1.Begin(start.Add(10*time.Millisecond), 0).End(start.Add(30*time.Millisecond), meter.OK)
	v1.Begin(start.Add(20*time.Millisecond), 0).End(start.Add(20*time.Millisecond), meter.ServerError)
	v1.Begin(start.Add(30*time.Millisecond), 0).End(start.Add(time.Second), meter.ClientAbort)
	v1.Begin(start.Add(249*time.Millisecond), 0) // never ends
	v2.Begin(start.Add(260*time.Millisecond), 0).End(start.Add(270*time.Millisecond), meter.Timeout)
	m.Seal(start.Add(2*tick + 2*time.Second))

	observation := func(version string, n int) stagger.Observation {
		from := start.Add(time.Duration(n) * tick)
		return stagger.Observation{Service: "shop", Version: version, Route: "all", From: from, To: from.Add(tick)}
	}
	first, second := observation("v1", 0), observation("v2", 1)
	first.Started, first.Unfinished = 4, 1
	first.Outcomes = stagger.Outcomes{OK: 1, ServerError: 1, ClientAbort: 1}
	first.Latency = stagger.Histogram{Zero: 1, Sum: 0.02, Buckets: []stagger.Bucket{{Index: histogram.Index(20 * time.Millisecond), Count: 1}}}
	second.Started = 1
	second.Outcomes = stagger.Outcomes{Timeout: 1}
	second.Latency = stagger.Histogram{Sum: 0.01, Buckets: []stagger.Bucket{{Index: histogram.Index(10 * time.Millisecond), Count: 1}}}
	want := []stagger.Tick{
		{
			Service: "shop", From: start, To: start.Add(tick), Age: 2 * time.Second,
			Observations: []stagger.Observation{first, observation("v2", 0)},
		},
		{
			Service: "shop", From: start.Add(tick), To: start.Add(2 * tick), Age: 2 * time.Second,
			Observations: []stagger.Observation{observation("v1", 1), second},
		},
	}
	if diff := cmp.Diff(ticks(t, m, start), want, cmpopts.IgnoreFields(stagger.Observation{}, "FirstFailed", "Groups")); diff != "" {
		t.Error(diff)
	}
	if got := m.InFlight("shop", "v1"); got != 1 {
		t.Errorf("%d in flight, want 1", got)
	}
}

func TestEveryClassIsCountedUnderItsName(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	for class := meter.Informational; class <= meter.ClientAbort; class++ {
		for range class + 1 {
			s.Begin(start, 0).End(start.Add(time.Millisecond), class)
		}
	}
	m.Seal(start.Add(tick + 2*time.Second))
	want := stagger.Outcomes{
		Informational: 1, OK: 2, Redirect: 3, ClientError: 4,
		ServerError: 5, ConnectError: 6, Timeout: 7, ClientAbort: 8,
	}
	if diff := cmp.Diff(ticks(t, m, start)[0].Observations[0].Outcomes, want); diff != "" {
		t.Error(diff)
	}
}

func TestSilenceIsSealedToo(t *testing.T) {
	m := meter.New(meter.Options{})
	m.Series("shop", "v1", "all")
	m.Seal(start)
	m.Seal(start.Add(2*time.Second + 4*tick))
	got := ticks(t, m, start)
	if len(got) != 4 {
		t.Fatalf("%d ticks, want 4", len(got))
	}
	for i, one := range got {
		if want := start.Add(time.Duration(i) * tick); !one.From.Equal(want) {
			t.Errorf("tick %d starts at %v, want %v", i, one.From, want)
		}
		if len(one.Observations) != 1 || one.Observations[0].Started != 0 {
			t.Errorf("tick %d observes %+v", i, one.Observations)
		}
	}
}

func TestTheAgeFollowsWhatWasSeenBefore(t *testing.T) {
	for _, row := range []struct {
		rule   string
		took   time.Duration
		lowest time.Duration
		most   time.Duration
	}{
		{"never less than the least", time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond},
		{"a fifth more than the slowest", 500 * time.Millisecond, 600 * time.Millisecond, 615 * time.Millisecond},
		{"never more than the most", 30 * time.Second, 2 * time.Second, 2 * time.Second},
	} {
		t.Run(row.rule, func(t *testing.T) {
			m := meter.New(meter.Options{})
			now := warm(t, m, m.Series("shop", "v1", "all"), row.took)
			m.Seal(now.Add(3 * time.Second))
			all := ticks(t, m, start)
			age := all[len(all)-1].Age
			if age < row.lowest || age > row.most {
				t.Errorf("age %v, want %v to %v", age, row.lowest, row.most)
			}
		})
	}
}

func TestATickIsNotSealedEarly(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	warm(t, m, s, time.Millisecond)
	last := ticks(t, m, start)
	end := last[len(last)-1].To.Add(tick)
	m.Seal(end.Add(99 * time.Millisecond))
	if got := ticks(t, m, end.Add(-tick)); len(got) != 0 {
		t.Errorf("sealed at %v already", got[0].Age)
	}
	m.Seal(end.Add(100 * time.Millisecond))
	if got := ticks(t, m, end.Add(-tick)); len(got) != 1 {
		t.Errorf("%d ticks, want 1", len(got))
	}
}

func TestWhatEndsLateIsInTheTotalsOnly(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	x := s.Begin(start, 0)
	m.Seal(start.Add(time.Minute))
	x.End(start.Add(time.Minute), meter.OK)
	m.Seal(start.Add(2 * time.Minute))
	var sum stagger.Observation
	for _, one := range ticks(t, m, start) {
		sum.Started += one.Observations[0].Started
		sum.Unfinished += one.Observations[0].Unfinished
		sum.Outcomes = sum.Outcomes.Add(one.Observations[0].Outcomes)
	}
	if sum.Started != 1 || sum.Unfinished != 1 || sum.Outcomes.Finished() != 0 {
		t.Errorf("sealed %+v", sum)
	}
	if got := total(t, m, "v1", "2xx"); got != 1 {
		t.Errorf("the total is %v, want 1", got)
	}
	if got := m.InFlight("shop", "v1"); got != 0 {
		t.Errorf("%d in flight", got)
	}
}

func TestAClockThatGoesBackLosesNothing(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	now := warm(t, m, s, time.Millisecond)
	s.Begin(now.Add(-time.Hour), 0).End(now.Add(-2*time.Hour), meter.OK)
	m.Seal(now.Add(-time.Hour))
	m.Seal(now.Add(time.Second))
	var started uint64
	for _, one := range ticks(t, m, time.Time{}) {
		started += one.Observations[0].Started
	}
	if started != 2 {
		t.Errorf("%d requests were sealed, want 2", started)
	}
}

func TestWithoutSealingRequestsAreStillCounted(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	const n = 400 // far more ticks than are held open
	for i := range n {
		now := start.Add(time.Duration(i) * tick)
		s.Begin(now, 0).End(now.Add(time.Millisecond), meter.OK)
	}
	m.Seal(start.Add(n*tick + 2*time.Second))
	var started uint64
	all := ticks(t, m, time.Time{})
	for i, one := range all {
		started += one.Observations[0].Started
		if i > 0 && !one.From.Equal(all[i-1].To) {
			t.Fatalf("a gap before %v", one.From)
		}
	}
	if started != n {
		t.Errorf("%d requests were sealed, want %d", started, n)
	}
}

func TestTheKeptTicksAreBounded(t *testing.T) {
	m := meter.New(meter.Options{Keep: 10 * time.Second})
	s := m.Series("shop", "v1", "all")
	warm(t, m, s, time.Millisecond)
	for _, later := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		now := start.Add(later)
		m.Seal(now)
		got := ticks(t, m, time.Time{})
		if len(got) < 38 || len(got) > 41 {
			t.Errorf("%v later %d ticks are kept, want about 40", later, len(got))
		}
		if last := got[len(got)-1]; now.Sub(last.To) > tick+last.Age {
			t.Errorf("%v later the last tick ends %v ago", later, now.Sub(last.To))
		}
	}
}

func TestTicksAfter(t *testing.T) {
	m := meter.New(meter.Options{})
	m.Series("shop", "v1", "all")
	m.Seal(start)
	m.Seal(start.Add(2*time.Second + 4*tick))
	for i := range 5 {
		after := start.Add(time.Duration(i) * tick)
		if got := len(ticks(t, m, after)); got != 4-i {
			t.Errorf("after %d ticks: %d, want %d", i, got, 4-i)
		}
	}
	_, err := m.Ticks(context.Background(), "nobody", start)
	if code := stagger.CodeOf(err); code != stagger.CodeNotFound {
		t.Errorf("an unknown service: %v", err)
	}
}

func TestARetiredSeriesGoesWhenItIsDone(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	x := s.Begin(start, 0)
	m.Retire(s)
	now := start
	wait := func() int {
		for range 20 {
			now = now.Add(time.Second)
			m.Seal(now)
		}
		all := ticks(t, m, time.Time{})
		return len(all[len(all)-1].Observations)
	}
	if wait() != 1 {
		t.Error("it went while a request was under way")
	}
	x.End(now, meter.OK)
	if wait() != 0 {
		t.Error("it stayed")
	}
	if again := m.Series("shop", "v1", "all"); again == s {
		t.Error("a series that went was handed out")
	}
}
