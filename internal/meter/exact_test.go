package meter_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
)

// TestNothingIsLostOrCountedTwice lets requests, sealing and scraping race and
// then adds up: every start in exactly one tick, every ending in the totals.
func TestNothingIsLostOrCountedTwice(t *testing.T) {
	const (
		workers  = 8
		requests = 20_000
	)
	m := meter.New(meter.Options{Tick: time.Millisecond, MinAge: time.Millisecond, MaxAge: 3 * time.Millisecond, Keep: time.Hour})
	series := []*meter.Series{m.Series("shop", "v1", "all"), m.Series("shop", "v2", "all")}

	hosts := meter.Hosts([]string{"a:80", "b:80", "c:80"})

	stop := make(chan struct{})
	var sealing sync.WaitGroup
	sealing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				m.Seal(time.Now())
				m.InFlight("shop", "v1")
			}
		}
	})
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			var late []meter.Sample
			for i := range requests {
				r := meter.Request{Subject: uint64(i)}
				if i%5 != 0 { // one of five finds no endpoint
					r.Host = hosts[i%3]
				}
				x := series[(w+i)%2].BeginRequest(time.Now(), r)
				if i%50 == 0 { // these end after their tick was sealed
					late = append(late, x)
					continue
				}
				x.End(time.Now(), meter.Class(i%8))
			}
			for _, x := range late {
				x.End(time.Now(), meter.OK)
			}
		})
	}
	working.Wait()
	close(stop)
	sealing.Wait()
	m.Seal(time.Now().Add(time.Second))

	var sum stagger.Observation
	var sent uint64
	for _, one := range ticks(t, m, time.Time{}) {
		for _, o := range one.Observations {
			if groups := sumGroups(o.Groups); groups.Started != o.Started || groups.Unfinished != o.Unfinished || groups.Failed != o.Outcomes.Failed() {
				t.Fatalf("the groups add up to %+v of %+v", groups, o)
			}
			hosts := sumHosts(o.Hosts)
			if hosts.Started > o.Started || hosts.Unfinished > o.Unfinished || hosts.Failed > o.Outcomes.Failed() {
				t.Fatalf("the hosts add up to %+v of %+v", hosts, o)
			}
			sent += hosts.Started
			if o.Started != o.Unfinished+o.Outcomes.Finished() {
				t.Fatalf("%d started, %d unfinished, %d finished", o.Started, o.Unfinished, o.Outcomes.Finished())
			}
			if o.Latency.Count() != o.Outcomes.Finished()-o.Outcomes.ClientAbort {
				t.Fatalf("%d durations of %+v", o.Latency.Count(), o.Outcomes)
			}
			sum.Started += o.Started
		}
	}
	if sum.Started != workers*requests {
		t.Errorf("%d starts were sealed, want %d", sum.Started, workers*requests)
	}
	if want := uint64(workers * requests / 5 * 4); sent != want {
		t.Errorf("%d starts were sealed by host, want %d", sent, want)
	}
	var ended float64
	for _, version := range []string{"v1", "v2"} {
		for class := meter.Informational; class <= meter.ClientAbort; class++ {
			ended += total(t, m, version, class.String())
		}
		if n := m.InFlight("shop", version); n != 0 {
			t.Errorf("%d of %s in flight", n, version)
		}
	}
	if ended != workers*requests {
		t.Errorf("%v endings in the totals, want %d", ended, workers*requests)
	}
}

// everything returns a request of which all there is to count is counted: it
// has a host, its subject is looked for among the arrivals, and has its turn as
// a sender in the minute of start.
func everything(t testing.TB) meter.Request {
	t.Helper()
	for _, subject := range subjects(100) {
		m := meter.New(meter.Options{})
		m.Seal(start)
		m.Series("shop", "v1", "all").Begin(start, subject)
		m.Seal(start.Add(time.Minute + 3*time.Second))
		if count(senders(t, ticks(t, m, start))) > 0 {
			return meter.Request{
				Subject: subject, Host: meter.Hosts([]string{"a:80"})[0], Arrivals: meter.ArrivalsUnder("seed", nil), Crowd: meter.CrowdOf("r1", nil),
			}
		}
	}
	t.Fatal("none of a hundred subjects has its turn")
	return meter.Request{}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	r := everything(t)
	for range 100 { // the first of a tick on a shard makes its counters
		s.BeginRequest(start, r).End(start.Add(time.Millisecond), meter.OK)
	}
	if n := testing.AllocsPerRun(1000, func() {
		s.BeginRequest(start, r).End(start.Add(time.Millisecond), meter.OK)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBeginEnd(b *testing.B) {
	s := meter.New(meter.Options{}).Series("shop", "v1", "all")
	b.ReportAllocs()
	now := time.Now()
	later := now.Add(3 * time.Millisecond)
	for b.Loop() {
		s.Begin(now, 0).End(later, meter.OK)
	}
}

// BenchmarkBeginEndWithAll counts all there is to count of a request.
func BenchmarkBeginEndWithAll(b *testing.B) {
	s := meter.New(meter.Options{}).Series("shop", "v1", "all")
	b.ReportAllocs()
	r := everything(b)
	for b.Loop() {
		s.BeginRequest(start, r).End(start.Add(3*time.Millisecond), meter.OK)
	}
}

func BenchmarkBeginEndParallel(b *testing.B) {
	s := meter.New(meter.Options{}).Series("shop", "v1", "all")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		now := time.Now()
		later := now.Add(3 * time.Millisecond)
		for pb.Next() {
			s.Begin(now, 0).End(later, meter.OK)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	m := meter.New(meter.Options{})
	for _, version := range []string{"v1", "v2"} {
		for _, route := range []string{"a", "b", "c"} {
			m.Series("shop", version, route)
		}
	}
	now := time.Now()
	for b.Loop() {
		now = now.Add(250 * time.Millisecond)
		m.Seal(now)
	}
}
