package upstream

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/upstream/dnstest"
)

func often(s *stagger.Service) { s.DNS.Every = 20 * time.Millisecond }

func addressesOf(p *Pool) []string { return slices.Sorted(maps.Keys(states(p))) }

func TestEveryAddressOfANameIsAnEndpoint(t *testing.T) {
	dns := dnstest.New(t)
	dns.Set("shop.test", "127.0.0.1", "127.0.0.2", "::1")
	p := watched(t, shop(), dns.Resolver(), "http://shop.test:1234")
	if diff := cmp.Diff([]string{"127.0.0.1:1234", "127.0.0.2:1234", "[::1]:1234"}, addressesOf(p)); diff != "" {
		t.Error(diff)
	}
}

func TestANameIsFollowed(t *testing.T) {
	dns := dnstest.New(t)
	old := opened(t, "127.0.0.2:0")
	_, port, _ := net.SplitHostPort(old.Addr().String())
	opened(t, "127.0.0.3:"+port)
	dns.Set("shop.test", "127.0.0.2")
	p := watched(t, shop(often), dns.Resolver(), "http://shop.test:"+port)
	before, how := p.Pick(7)
	if before == nil || how != Well {
		t.Fatalf("picked %v, %v", before, how)
	}

	dns.Set("shop.test", "127.0.0.3")
	eventually(t, "the new address", func() bool { return shares(p)["127.0.0.3:"+port] > 0.99 })
	if s := states(p)[before.Address()]; s != stagger.EndpointDraining {
		t.Errorf("with a request under way the old one is %q", s)
	}
	before.Release()
	eventually(t, "the old address to be gone", func() bool { return len(states(p)) == 1 })
}

// TestAnAnswerThatFailsOrIsEmptyChangesNothing: fail static.
func TestAnAnswerThatFailsOrIsEmptyChangesNothing(t *testing.T) {
	dns := dnstest.New(t)
	dns.Set("shop.test", "127.0.0.1", "127.0.0.2")
	p := watched(t, shop(often), dns.Resolver(), "http://shop.test:1234")
	want := addressesOf(p)
	stays := func(how string) {
		asked := dns.Asked()
		eventually(t, "it to be asked", func() bool { return dns.Asked() > asked+8 })
		if diff := cmp.Diff(want, addressesOf(p)); diff != "" {
			t.Errorf("%s: %s", how, diff)
		}
	}
	dns.Fail(true)
	stays("an answer that fails")
	dns.Fail(false)
	dns.Set("shop.test")
	stays("an empty answer")
}

func TestANameThatIsNotKnownAtFirstIsTriedAgain(t *testing.T) {
	dns := dnstest.New(t)
	p := watched(t, shop(often), dns.Resolver(), "http://shop.test:1234")
	if e, how := p.Pick(7); e != nil || how != None {
		t.Errorf("picked %v, %v", e, how)
	}
	dns.Set("shop.test", "127.0.0.1")
	eventually(t, "the name to be known", func() bool { e, _ := p.Pick(7); return e != nil })
}

// TestAFailureHasTheNameLookedUpAtOnce, long before its time, and a flood of
// failures not more often than that.
func TestAFailureHasTheNameLookedUpAtOnce(t *testing.T) {
	dns := dnstest.New(t)
	dns.Set("shop.test", "127.0.0.1")
	p := watched(t, shop(func(s *stagger.Service) { s.DNS.Every = time.Hour }), dns.Resolver(), "http://shop.test:1234")
	dns.Set("shop.test", "127.0.0.2")
	asked := dns.Asked()
	e := p.Endpoints()[0]
	eventually(t, "the name to be looked up", func() bool {
		e.Report(Unreached)
		return addressesOf(p)[0] == "127.0.0.2:1234"
	})
	for range 10_000 {
		p.Endpoints()[0].Report(Unreached)
	}
	if n := dns.Asked() - asked; n > 8 { // two types a look-up, and some patience
		t.Errorf("%d questions", n)
	}
}

func TestServiceRecordsHavePortsWeightsAndPriorities(t *testing.T) {
	dns := dnstest.New(t)
	// The same ports each time: they are where the endpoints stand on a ring.
	one, two, spare := opened(t, "127.0.0.1:28391"), opened(t, "127.0.0.1:28392"), opened(t, "127.0.0.1:28393")
	port := func(d *door) uint16 { return netip.MustParseAddrPort(d.Addr().String()).Port() }
	for _, name := range []string{"a.test", "b.test", "c.test"} {
		dns.Set(name, "127.0.0.1")
	}
	dns.SetSRV("_http._tcp.shop.test",
		net.SRV{Target: "a.test", Port: port(one), Priority: 1, Weight: 10},
		net.SRV{Target: "b.test", Port: port(two), Priority: 1, Weight: 30},
		net.SRV{Target: "c.test", Port: port(spare), Priority: 2, Weight: 1},
	)
	for _, way := range ways {
		p := watched(t, shop(balanced(way)), dns.Resolver(), "srv+http://_http._tcp.shop.test")
		got := shares(p)
		if a, b := got[one.Addr().String()], got[two.Addr().String()]; a < 0.18 || a > 0.32 || a+b < 0.9999 {
			t.Errorf("%s: the shares are %v", way, got)
		}
		for _, e := range p.Endpoints() {
			if e.Address() != spare.Addr().String() {
				p.set(e, errEmpty)
			}
		}
		if got := shares(p)[spare.Addr().String()]; got < 0.9999 {
			t.Errorf("%s: with the first gone the second priority gets %.3f", way, got)
		}
	}
}

func TestServiceRecordsFailWhole(t *testing.T) {
	dns := dnstest.New(t)
	dns.Set("a.test", "127.0.0.1")
	dns.SetSRV("_http._tcp.shop.test", net.SRV{Target: "a.test", Port: 1}, net.SRV{Target: "nowhere.test", Port: 2})
	target, err := parse("srv+http://_http._tcp.shop.test")
	if err != nil {
		t.Fatal(err)
	}
	if list, err := lookUp(context.Background(), dns.Resolver(), target); err == nil {
		t.Errorf("half an answer is believed: %v", list)
	}
}

func TestWeightZeroIsAVerySmallChance(t *testing.T) {
	for _, row := range []struct {
		in   []uint16
		want []uint64
	}{
		{[]uint16{0, 0}, []uint64{1000, 1000}},
		{[]uint16{1, 3}, []uint64{1000, 3000}},
		{[]uint16{0, 10, 30}, []uint64{100, 10_000, 30_000}},
	} {
		var records []*net.SRV
		for _, w := range row.in {
			records = append(records, &net.SRV{Weight: w})
		}
		if diff := cmp.Diff(row.want, srvWeights(records)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	target, _ := parse("http://shop.test:1")
	list, err := lookUp(context.Background(), crowd{}, target)
	if err != nil || len(list) != maxPlaces {
		t.Errorf("%d places, %v", len(list), err)
	}
}
