package meter_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
)

// arrived seals everything and adds up the arrivals of a version.
func arrived(t *testing.T, m *meter.Meter, version string) uint64 {
	t.Helper()
	m.Seal(start.Add(time.Minute))
	var n uint64
	for _, one := range ticks(t, m, time.Time{}) {
		for _, o := range one.Observations {
			if o.Version == version {
				n += o.Arrived
			}
		}
	}
	return n
}

func TestASubjectArrivesOnceWhereItCameFirst(t *testing.T) {
	m := meter.New(meter.Options{})
	v1, v2 := m.Series("shop", "v1", "all"), m.Series("shop", "v2", "all")
	a := meter.ArrivalsUnder("seed", nil)
	come := func(s *meter.Series, r meter.Request, at time.Duration) {
		s.BeginRequest(start.Add(at), r).End(start.Add(at+time.Millisecond), meter.OK)
	}
	for at := time.Duration(0); at < 10*tick; at += tick {
		// While the weight grows a subject may move, and comes again and again.
		s := v1
		if at > 5*tick {
			s = v2
		}
		come(s, meter.Request{Subject: 0, Arrivals: a}, at)
		come(s, meter.Request{Subject: 1 << 63, Arrivals: meter.ArrivalsUnder("seed", a)}, at)
		come(v2, meter.Request{Subject: 7, Arrivals: a}, at)
		come(v2, meter.Request{Subject: 8}, at) // nobody counts arrivals
		// A rule had a say when it came first, so it is no arrival later.
		come(v2, meter.Request{Subject: 9, Arrivals: a, Ruled: at < 3*tick}, at)
	}
	if n := arrived(t, m, "v1"); n != 2 {
		t.Errorf("%d arrived at v1, want 2", n)
	}
	if n := arrived(t, m, "v2"); n != 1 {
		t.Errorf("%d arrived at v2, want 1", n)
	}
}

func TestUnderAnotherSeedEverybodyArrivesAnew(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	var a *meter.Arrivals
	for _, seed := range []string{"one", "two"} {
		a = meter.ArrivalsUnder(seed, a)
		for range 3 {
			s.BeginRequest(start, meter.Request{Subject: 7, Arrivals: a}).End(start, meter.OK)
		}
	}
	if n := arrived(t, m, "v1"); n != 2 {
		t.Errorf("%d arrived, want 2", n)
	}
}

func TestArrivalsAreBounded(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	a := meter.ArrivalsUnder("seed", nil)
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		s.BeginRequest(start, meter.Request{Subject: random.Uint64(), Arrivals: a}).End(start, meter.OK)
	}
	if n := arrived(t, m, "v1"); n != 49_152 {
		t.Errorf("%d arrived, want three quarters of 65 536", n)
	}
}

// TestAnArrivalIsCountedOnceInARace lets many workers bring the same subjects
// at once while ticks are sealed.
func TestAnArrivalIsCountedOnceInARace(t *testing.T) {
	const (
		workers  = 8
		subjects = 5_000
	)
	m := meter.New(meter.Options{Tick: time.Millisecond, MinAge: time.Millisecond, MaxAge: 3 * time.Millisecond, Keep: time.Hour})
	series := []*meter.Series{m.Series("shop", "v1", "all"), m.Series("shop", "v2", "all")}
	a := meter.ArrivalsUnder("seed", nil)
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]uint64, subjects)
	for i := range all {
		all[i] = random.Uint64()
	}
	stop := make(chan struct{})
	var sealing, working sync.WaitGroup
	sealing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				m.Seal(time.Now())
			}
		}
	})
	for range workers {
		working.Go(func() {
			for _, subject := range all {
				series[subject>>63].BeginRequest(time.Now(), meter.Request{Subject: subject, Arrivals: a}).End(time.Now(), meter.OK)
			}
		})
	}
	working.Wait()
	close(stop)
	sealing.Wait()
	m.Seal(time.Now().Add(time.Second))
	var want, got [2]uint64
	for _, subject := range all {
		want[subject>>63]++
	}
	for _, one := range ticks(t, m, time.Time{}) {
		for i, o := range one.Observations {
			got[i] += o.Arrived
		}
	}
	if got != want {
		t.Errorf("%v arrived at the versions, want %v", got, want)
	}
}
