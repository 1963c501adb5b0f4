package upstream

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagger-dev/stagger"
)

func probed(t testing.TB, s stagger.Service, n int) *Pool {
	t.Helper()
	p := fresh(t, s, nil, nil, doors(t, n)...)
	p.Probe(t.Context())
	t.Cleanup(p.Close)
	return p
}

func balanced(b stagger.Balance) func(*stagger.Service) {
	return func(s *stagger.Service) { s.Balance = b }
}

var ways = []stagger.Balance{stagger.LeastRequest, stagger.RoundRobin, stagger.RingHash}

func TestAllWaysSpreadOverAllEndpoints(t *testing.T) {
	for _, way := range ways {
		p := probed(t, shop(balanced(way)), 4)
		for _, e := range p.Endpoints() {
			if got := shares(p)[e.Address()]; got < 0.15 || got > 0.35 {
				t.Errorf("%s: %s gets %.3f, want a quarter", way, e.Address(), got)
			}
		}
	}
}

func TestTheLessBusyIsTaken(t *testing.T) {
	p := probed(t, shop(), 2)
	busy := p.Endpoints()[0]
	busy.inFlight.Add(100)
	if got := shares(p)[busy.Address()]; got != 0 {
		t.Errorf("the busy one gets %.3f", got)
	}
}

func TestASubjectStaysOnItsEndpointAndComesBackToIt(t *testing.T) {
	p := probed(t, shop(balanced(stagger.RingHash)), 3)
	at := func(subject uint64) *Endpoint {
		e, _ := p.Pick(subject)
		e.Release()
		return e
	}
	var own []*Endpoint
	for subject := range uint64(200) {
		own = append(own, at(subject))
	}
	gone := p.Endpoints()[1]
	p.set(gone, errEmpty)
	for subject, e := range own {
		if now := at(uint64(subject)); e != gone && now != e || now == gone {
			t.Fatalf("subject %d moved though its endpoint stayed, or stayed though it went", subject)
		}
	}
	p.set(gone, nil)
	for subject, e := range own {
		if at(uint64(subject)) != e {
			t.Fatalf("subject %d did not come back", subject)
		}
	}
}

func TestAHotSubjectDoesNotSinkItsEndpoint(t *testing.T) {
	p := probed(t, shop(balanced(stagger.RingHash)), 4)
	for range 400 {
		p.Pick(7)
	}
	for _, e := range p.Endpoints() {
		if n := e.InFlight(); n > 127 {
			t.Errorf("%s has %d of 400 requests", e.Address(), n)
		}
	}
}

func TestBeyondItsLimitAnotherEndpointIsChosen(t *testing.T) {
	for _, way := range ways {
		p := probed(t, shop(balanced(way), func(s *stagger.Service) { s.Limits.Requests = 5 }), 3)
		for i := range 15 {
			if e, how := p.Pick(7); e == nil || how != Well {
				t.Fatalf("%s: request %d is refused", way, i)
			}
		}
		for _, e := range p.Endpoints() {
			if e.InFlight() != 5 {
				t.Errorf("%s: %s has %d requests", way, e.Address(), e.InFlight())
			}
		}
		if e, how := p.Pick(7); e != nil || how != Full {
			t.Errorf("%s: the sixteenth got %v, %v", way, e, how)
		}
		p.Endpoints()[1].Release()
		if e, _ := p.Pick(7); e != p.Endpoints()[1] {
			t.Errorf("%s: the one that has room is not chosen", way)
		}
	}
}

func TestAnotherAttemptGoesElsewhere(t *testing.T) {
	p := probed(t, shop(), 3)
	a, b := p.Endpoints()[0], p.Endpoints()[1]
	for range 50 {
		e, how := p.PickOther(7, func(e *Endpoint) bool { return e == a || e == b })
		if e != p.Endpoints()[2] || how != Well {
			t.Fatalf("picked %v, %v", e, how)
		}
		e.Release()
	}
	if e, how := p.PickOther(7, func(*Endpoint) bool { return true }); e != nil || how != None {
		t.Errorf("picked %v, %v though all are refused", e, how)
	}
}

func TestWithoutEndpointsNoneIsPicked(t *testing.T) {
	p := fresh(t, shop(), nil, nil)
	if e, how := p.Pick(7); e != nil || how != None || p.Ready() {
		t.Errorf("picked %v, %v", e, how)
	}
}

func TestWhenAllAreIllTheProbesMayBeWrong(t *testing.T) {
	p := probed(t, shop(), 2)
	for _, e := range p.Endpoints() {
		p.set(e, errEmpty)
	}
	if e, how := p.Pick(7); e == nil || how != Doubtful || p.Ready() {
		t.Errorf("picked %v, %v", e, how)
	}
}

func TestPickingDoesNotAllocate(t *testing.T) {
	for _, way := range ways {
		p := probed(t, shop(balanced(way), withOutliers), 5)
		if n := testing.AllocsPerRun(1000, func() {
			e, _ := p.Pick(7)
			e.Report(Success)
			e.Release()
		}); n != 0 {
			t.Errorf("%s: %v allocations a request", way, n)
		}
	}
}

// TestAnEndpointThatJoinsStartsSlowly, while those that were there do not.
func TestAnEndpointThatJoinsStartsSlowly(t *testing.T) {
	urls := doors(t, 3)
	synctest.Test(t, func(t *testing.T) {
		for _, way := range ways {
			s := shop(balanced(way), func(s *stagger.Service) { s.SlowStart = 40 * time.Second })
			before := watched(t, s, nil, urls[:2]...)
			time.Sleep(time.Minute)
			p := fresh(t, s, before, nil, urls...)
			p.Probe(t.Context())
			p.Watch(before.log)
			before.Close()
			joined := p.Endpoints()[2].Address()
			if got := shares(p)[joined]; got == 0 || got > 0.1 {
				t.Errorf("%s: at once it gets %.3f", way, got)
			}
			time.Sleep(21 * time.Second) // half a weight of two and a half
			if got := shares(p)[joined]; got < 0.12 || got > 0.28 {
				t.Errorf("%s: half way it gets %.3f, want a fifth", way, got)
			}
			time.Sleep(21 * time.Second)
			if got := shares(p)[joined]; got < 0.25 || got > 0.42 {
				t.Errorf("%s: in the end it gets %.3f, want a third", way, got)
			}
			p.Close()
		}
	})
}

func BenchmarkPick(b *testing.B) {
	for _, way := range ways {
		b.Run(string(way), func(b *testing.B) {
			p := probed(b, shop(balanced(way), withOutliers), 5)
			subject := uint64(0)
			for b.Loop() {
				subject += 0x9e3779b97f4a7c15
				e, _ := p.Pick(subject)
				e.Report(Success)
				e.Release()
			}
		})
	}
}
