package meter_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/meter"
)

func sumHosts(hosts []stagger.Host) stagger.Group {
	groups := make([]stagger.Group, 0, len(hosts))
	for _, h := range hosts {
		groups = append(groups, h.Group)
	}
	return sumGroups(groups)
}

// hostsOf seals the first tick and returns what its hosts met.
func hostsOf(t *testing.T, m *meter.Meter) []stagger.Host {
	t.Helper()
	m.Seal(start.Add(tick + 2*time.Second))
	return ticks(t, m, start)[0].Observations[0].Hosts
}

func TestAHostHasWhatWasSentToIt(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	hosts := meter.Hosts([]string{"b:80", "a:80", "idle:80"})
	begin := func(h *meter.Host) meter.Sample {
		return s.BeginRequest(start, meter.Request{Subject: 7, Host: h})
	}
	begin(hosts[0]).End(start.Add(10*time.Millisecond), meter.OK)
	begin(hosts[0]).End(start.Add(10*time.Millisecond), meter.ServerError)
	begin(hosts[0]).End(start.Add(10*time.Millisecond), meter.ClientAbort)
	begin(hosts[0])
	begin(hosts[1]).End(start.Add(80*time.Millisecond), meter.OK)
	begin(nil).End(start.Add(time.Millisecond), meter.ConnectError)

	bucket := func(d time.Duration, n uint64) stagger.Histogram {
		return coarse(stagger.Histogram{Buckets: []stagger.Bucket{{Index: histogram.Index(d), Count: n}}})
	}
	want := []stagger.Host{
		{Name: "a:80", Group: stagger.Group{Started: 1, Latency: bucket(80*time.Millisecond, 1)}},
		{Name: "b:80", Group: stagger.Group{Started: 4, Unfinished: 1, Failed: 1, Latency: bucket(10*time.Millisecond, 2)}},
	}
	if diff := cmp.Diff(want, hostsOf(t, m)); diff != "" {
		t.Error(diff)
	}
}

func TestOfManyHostsTheLastShareAPlace(t *testing.T) {
	for _, row := range []struct{ hosts, apart, shared int }{{1, 1, 0}, {16, 16, 0}, {17, 15, 2}, {1000, 15, 985}} {
		m := meter.New(meter.Options{})
		s := m.Series("shop", "v1", "all")
		var names []string
		for i := range row.hosts {
			names = append(names, fmt.Sprintf("host-%d:80", i))
		}
		for _, h := range meter.Hosts(names) {
			s.BeginRequest(start, meter.Request{Host: h}).End(start, meter.OK)
		}
		apart, shared := 0, 0
		for _, h := range hostsOf(t, m) {
			if h.Name == "other" {
				shared = int(h.Started)
				continue
			}
			apart++
			if h.Started != 1 {
				t.Errorf("%d hosts: %s has %d requests", row.hosts, h.Name, h.Started)
			}
		}
		if apart != row.apart || shared != row.shared {
			t.Errorf("of %d hosts %d are apart and %d together, want %d and %d", row.hosts, apart, shared, row.apart, row.shared)
		}
	}
}

// TestHostsThatChangeWithinATickKeepTheirNames lets other endpoints take the
// places of the first again and again, as reloads do.
func TestHostsThatChangeWithinATickKeepTheirNames(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	const changes = 40
	for i := range changes {
		hosts := meter.Hosts([]string{fmt.Sprintf("new-%d:80", i), "steady:80"})
		for _, h := range hosts {
			s.BeginRequest(start, meter.Request{Host: h}).End(start.Add(time.Millisecond), meter.OK)
		}
	}
	got := hostsOf(t, m)
	for _, h := range got {
		switch {
		case h.Name == "steady:80" && h.Started != changes:
			t.Errorf("the steady host has %d requests, want %d", h.Started, changes)
		case h.Name != "steady:80" && h.Name != "other" && h.Started != 1:
			t.Errorf("%s has %d requests, want 1", h.Name, h.Started)
		}
	}
	if sum := sumHosts(got); sum.Started != 2*changes || sum.Unfinished != 0 {
		t.Errorf("the hosts have %+v, want %d requests", sum, 2*changes)
	}
}
