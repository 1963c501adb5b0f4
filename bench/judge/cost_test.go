package main

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
	"github.com/stagger-dev/stagger/internal/simulate"
)

// kept deep-copies a tick, since the traffic uses its own again.
func kept(t stagger.Tick) stagger.Tick {
	t.Observations = slices.Clone(t.Observations)
	for i := range t.Observations {
		o := &t.Observations[i]
		o.Latency.Buckets = slices.Clone(o.Latency.Buckets)
		o.Groups = slices.Clone(o.Groups)
		for g := range o.Groups {
			o.Groups[g].Latency.Buckets = slices.Clone(o.Groups[g].Latency.Buckets)
		}
	}
	return t
}

// stream is a life to be watched for ever: its ticks come again and again, with
// the time going on.
type stream struct {
	ticks  []stagger.Tick
	length time.Duration
	now    time.Time
	next   int
}

// warmed returns a stream of healthy ticks, and a judge that knows what is usual
// and has seen the candidate for a minute.
func warmed(tb testing.TB, rate float64, subjects bool, length time.Duration) (*stream, *judge.Judge) {
	tb.Helper()
	m, err := simulate.Parse("healthy")
	if err != nil {
		tb.Fatal(err)
	}
	traffic := simulate.NewTraffic(m, rate, subjects, 1)
	j := judge.New(judge.Config{
		Baseline: simulate.Baseline, Candidate: simulate.Candidate, Guardrails: guardrails(harmUsual), Planned: time.Hour,
	})
	for range 60 {
		j.Observe(traffic.Tick(10*time.Second, 0, simulate.Moment{Length: time.Hour}))
	}
	s := &stream{length: length}
	for range 256 {
		s.ticks = append(s.ticks, kept(traffic.Tick(length, 0.05, simulate.Moment{Length: time.Hour})))
	}
	s.now = s.ticks[0].From
	for range 256 {
		j.Observe(s.tick())
	}
	return s, j
}

func (s *stream) tick() stagger.Tick {
	t := s.ticks[s.next%len(s.ticks)]
	s.next++
	t.From, t.To = s.now, s.now.Add(s.length)
	s.now = t.To
	return t
}

// BenchmarkTick is what a second of one service costs, with six slots.
func BenchmarkTick(b *testing.B) {
	for _, row := range []struct {
		name     string
		rate     float64
		subjects bool
		verdict  bool
	}{
		{"100rps", 100, false, false},
		{"1krps", 1000, false, false},
		{"10krps", 10_000, false, false},
		{"10krps-verdict", 10_000, false, true},
		{"10krps-subjects", 10_000, true, false},
		{"10krps-subjects-verdict", 10_000, true, true},
	} {
		b.Run(row.name, func(b *testing.B) {
			s, j := warmed(b, row.rate, row.subjects, time.Second)
			b.ReportAllocs()
			for b.Loop() {
				j.Observe(s.tick())
				if row.verdict {
					j.Verdict(s.now)
				}
			}
		})
	}
}

// BenchmarkThousandServices is what a second of a thousand services costs, as
// the meter seals it: four ticks of each, and a verdict on each tick.
func BenchmarkThousandServices(b *testing.B) {
	const services = 1000
	streams, judges := make([]*stream, services), make([]*judge.Judge, services)
	shared, first := warmed(b, 100, true, time.Second/4)
	state, err := first.State()
	if err != nil {
		b.Fatal(err)
	}
	config := judge.Config{
		Baseline: simulate.Baseline, Candidate: simulate.Candidate, Guardrails: guardrails(harmUsual), Planned: time.Hour,
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range judges {
		own := *shared
		streams[i] = &own
		if judges[i], err = judge.Restore(config, state); err != nil {
			b.Fatal(err)
		}
		for range 8 {
			judges[i].Observe(streams[i].tick())
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	for b.Loop() {
		for i, j := range judges {
			for range 4 {
				j.Observe(streams[i].tick())
				j.Verdict(streams[i].now)
			}
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/services/1024, "KiB/service")
	b.ReportMetric(float64(len(state))/1024, "KiB-as-JSON")
	runtime.KeepAlive(judges)
}

// BenchmarkLife is what a simulated hour costs, looked at all the time.
func BenchmarkLife(b *testing.B) {
	c := nullCells()[4]
	tr, err := c.trial()
	if err != nil {
		b.Fatal(err)
	}
	seed := uint64(0)
	for b.Loop() {
		seed++
		if _, err := tr.Live(b.Context(), seed); err != nil {
			b.Fatal(err)
		}
	}
}
