package upstream

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

// TestEndpointsThatStayAreKept with their connections and what is known of
// them; the others are closed.
func TestEndpointsThatStayAreKept(t *testing.T) {
	urls := doors(t, 3)
	s := shop(withOutliers)
	before := watched(t, s, nil, urls[0], urls[1])
	kept, gone := before.Endpoints()[0], before.Endpoints()[1]
	for _, e := range before.Endpoints() {
		link, err := e.Connect(time.Second)
		if err != nil {
			t.Fatal(err)
		}
		e.Put(link, time.Now())
	}
	for range 5 {
		kept.Report(Unreached)
	}
	s.Health.Interval = time.Minute
	after := fresh(t, s, before, nil, urls[2], urls[0])
	after.Probe(t.Context())
	after.Watch(slog.New(slog.DiscardHandler))
	t.Cleanup(after.Close)
	before.Close()

	if after.Endpoints()[1] != kept {
		t.Fatal("the endpoint that stays is another one")
	}
	if s := states(after)[kept.Address()]; s != stagger.EndpointEjected {
		t.Errorf("it is %s now", s)
	}
	if kept.Take() == nil {
		t.Error("its idle link is gone")
	}
	if gone.Take() != nil || gone.connections.Load() != 0 {
		t.Error("the idle link of the one that went is open")
	}
	for range 5 {
		kept.Report(Unreached) // the new pool's business now
	}
}

// TestAPoolThatWasNotTakenLeavesTheOldOneAlone, as after a reload that is
// refused.
func TestAPoolThatWasNotTakenLeavesTheOldOneAlone(t *testing.T) {
	urls := doors(t, 2)
	before := watched(t, shop(), nil, urls[0])
	e := before.Endpoints()[0]
	link, err := e.Connect(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	e.Put(link, time.Now())
	never := fresh(t, shop(), before, nil, urls...)
	never.Probe(t.Context())
	never.Close()
	if one := e.Take(); one != link {
		t.Error("the link is gone")
	} else {
		_ = one.Close()
	}
	e.Report(Success)
	if e.owner.Load() != before {
		t.Error("the endpoint changed hands")
	}
}

func TestAnotherLimitIsAnotherEndpoint(t *testing.T) {
	urls := doors(t, 1)
	before := fresh(t, shop(), nil, nil, urls...)
	after := fresh(t, shop(twoConnections), before, nil, urls...)
	if before.Endpoints()[0] == after.Endpoints()[0] {
		t.Error("it is the same")
	}
	if before.Serves(after.spec) || !before.Serves(before.spec) {
		t.Error("it serves what it was not made for")
	}
}

// TestAPoolLivesAgainAfterItsEnd, and knows only what it finds then.
func TestAPoolLivesAgainAfterItsEnd(t *testing.T) {
	d := opened(t, "127.0.0.1:0")
	p := fresh(t, shop(), nil, nil, d.url())
	for _, open := range []bool{true, false} {
		if !open {
			d.shut()
		}
		p.Probe(t.Context())
		p.Watch(slog.New(slog.DiscardHandler))
		if p.Ready() != open {
			t.Errorf("ready is %v", p.Ready())
		}
		p.Close()
	}
}

// TestThisMachineIsOneEndpoint, though its name has two addresses and the server
// listens at one of them.
func TestThisMachineIsOneEndpoint(t *testing.T) {
	_, port, _ := net.SplitHostPort(opened(t, "127.0.0.1:0").Addr().String())
	p := watched(t, shop(), nil, "http://localhost:"+port)
	if got := states(p); len(got) != 1 || got["localhost:"+port] != stagger.EndpointHealthy {
		t.Errorf("the endpoints are %v", got)
	}
}

func TestOneAddressIsOneEndpoint(t *testing.T) {
	p := fresh(t, shop(), nil, nil, "http://127.0.0.1:80", "http://127.0.0.1", "h2c://127.0.0.1")
	if n := len(p.Endpoints()); n != 2 {
		t.Errorf("%d endpoints, want one for each protocol", n)
	}
}
