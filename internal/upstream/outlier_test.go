package upstream

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
)

// TestAnEndpointThatFailsIsLeftOutAndComesBackSlowly: the probes of all three
// succeed all the time.
func TestAnEndpointThatFailsIsLeftOutAndComesBackSlowly(t *testing.T) {
	urls := doors(t, 3)
	synctest.Test(t, func(t *testing.T) {
		p := watched(t, shop(withOutliers, func(s *stagger.Service) { s.SlowStart = 20 * time.Second }), nil, urls...)
		time.Sleep(time.Minute) // all are warm
		bad := p.Endpoints()[0]
		for range 4 {
			bad.Report(Unreached)
		}
		bad.Report(Success)
		for range 4 {
			bad.Report(ServerError)
		}
		if shares(p)[bad.Address()] == 0 {
			t.Error("left out before five failures in a row")
		}
		bad.Report(GatewayError)
		if shares(p)[bad.Address()] != 0 {
			t.Error("it is not left out after five failures in a row")
		}
		if s := states(p)[bad.Address()]; s != stagger.EndpointEjected {
			t.Errorf("its state is %s", s)
		}
		time.Sleep(29 * time.Second)
		if shares(p)[bad.Address()] != 0 {
			t.Error("it came back too early")
		}
		time.Sleep(2 * time.Second)
		if got := shares(p)[bad.Address()]; got == 0 || got > 0.1 {
			t.Errorf("just back it gets %.3f, want a little", got)
		}
		if s := states(p)[bad.Address()]; s != stagger.EndpointWarming {
			t.Errorf("its state is %s", s)
		}
		time.Sleep(30 * time.Second)
		if got := shares(p)[bad.Address()]; got < 0.28 {
			t.Errorf("warm again it gets %.3f, want a third", got)
		}
	})
}

func TestAnEndpointThatStandsOutIsLeftOut(t *testing.T) {
	urls := doors(t, 4)
	synctest.Test(t, func(t *testing.T) {
		p := watched(t, shop(withOutliers), nil, urls...)
		for i, e := range p.Endpoints() {
			for k := range 100 {
				if i == 2 && k%4 == 0 { // never five in a row
					e.Report(ServerError)
				} else {
					e.Report(Success)
				}
			}
		}
		time.Sleep(11 * time.Second)
		for i, e := range p.Endpoints() {
			if s := states(p)[e.Address()]; (s == stagger.EndpointEjected) != (i == 2) {
				t.Errorf("endpoint %d is %s", i, s)
			}
		}
	})
}

// TestTheBoundHoldsWhateverIsReported: never more than half are left out, and
// somebody gets the requests.
func TestTheBoundHoldsWhateverIsReported(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 8} {
		urls := doors(t, n)
		synctest.Test(t, func(t *testing.T) {
			p := watched(t, shop(withOutliers, seldomProbed), nil, urls...)
			chance := rand.New(rand.NewPCG(uint64(n), 1))
			for range 300 {
				e := p.Endpoints()[chance.IntN(n)]
				for range chance.IntN(30) {
					e.Report(Outcome(chance.IntN(5)))
				}
				if chance.IntN(3) == 0 {
					time.Sleep(time.Duration(chance.IntN(60)) * time.Second)
				}
				out := 0
				for _, s := range states(p) {
					if s == stagger.EndpointEjected {
						out++
					}
				}
				if out > n/2 {
					t.Fatalf("%d of %d are left out", out, n)
				}
				if one, how := p.Pick(0); one == nil || how != Well {
					t.Fatal("nobody gets the requests")
				} else {
					one.Release()
				}
			}
		})
	}
}

// TestWhoIsLeftOutIsAskedBeforeWhoIsIll: when the probes of all others fail.
func TestWhoIsLeftOutIsAskedBeforeWhoIsIll(t *testing.T) {
	urls := doors(t, 2)
	p := fresh(t, shop(withOutliers), nil, nil, urls...)
	p.Probe(t.Context())
	t.Cleanup(p.Close)
	out, ill := p.Endpoints()[0], p.Endpoints()[1]
	for range 5 {
		out.Report(Unreached)
	}
	p.set(ill, errEmpty)
	if e, how := p.Pick(0); e != out || how != Well {
		t.Errorf("picked %v, %v", e, how)
	}
}

func TestWithoutTheRuleNobodyIsLeftOut(t *testing.T) {
	p := fresh(t, shop(), nil, nil, doors(t, 2)...)
	p.Probe(t.Context())
	t.Cleanup(p.Close)
	for range 1000 {
		p.Endpoints()[0].Report(Unreached)
	}
	if s := states(p)[p.Endpoints()[0].Address()]; s != stagger.EndpointHealthy {
		t.Errorf("it is %s", s)
	}
}

func TestGatewayErrorsOnlyAreFailuresWhereThatIsSaid(t *testing.T) {
	p := fresh(t, shop(withOutliers, func(s *stagger.Service) { s.Outlier.Failures = stagger.GatewayErrors }), nil, nil, doors(t, 2)...)
	p.Probe(t.Context())
	t.Cleanup(p.Close)
	e := p.Endpoints()[0]
	for range 100 {
		e.Report(ServerError)
	}
	if p.isOut(e) {
		t.Error("500 counts")
	}
	for range 5 {
		e.Report(GatewayError)
	}
	if !p.isOut(e) {
		t.Error("502 does not count")
	}
}

func TestOutcomesTellOfTheEndpointOnly(t *testing.T) {
	for _, row := range []struct {
		class  meter.Class
		status int
		want   Outcome
	}{
		{meter.OK, 200, Success},
		{meter.ClientError, 404, Success},
		{meter.ClientError, 0, Nothing}, // the proxy refused the request
		{meter.ClientAbort, 200, Nothing},
		{meter.ServerError, 500, ServerError},
		{meter.ServerError, 200, ServerError}, // as gRPC tells it
		{meter.ServerError, 503, GatewayError},
		{meter.ConnectError, 0, Unreached},
		{meter.ConnectError, 200, Unreached}, // it broke off
		{meter.Timeout, 0, Unreached},
		{meter.Informational, 101, Success},
	} {
		if got := OutcomeOf(row.class, row.status); got != row.want {
			t.Errorf("%s with %d is %d, want %d", row.class, row.status, got, row.want)
		}
	}
}
