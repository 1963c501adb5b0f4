package meter_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/meter"
)

// subjects returns n of them, the same in every run.
func subjects(n int) []uint64 {
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]uint64, n)
	for i := range all {
		all[i] = random.Uint64()
	}
	return all
}

// binned is how many subjects of a version were in each bin and group.
type binned map[uint64][stagger.Groups]uint64

// add counts n subjects.
func (b binned) add(requests uint64, groups [stagger.Groups]uint64) {
	sum := b[requests]
	for i, n := range groups {
		sum[i] += n
	}
	b[requests] = sum
}

// senders adds up what is in the ticks, by version. It insists that only first
// routes have any, and only in the tick that ends a minute.
func senders(t testing.TB, all []stagger.Tick) map[string]binned {
	t.Helper()
	sum := make(map[string]binned)
	for _, one := range all {
		met := make(map[string]bool)
		for _, o := range one.Observations {
			if len(o.Senders) > 0 && (met[o.Version] || !o.To.Equal(o.To.Truncate(time.Minute))) {
				t.Errorf("%s has senders on %s in the tick that ends at %v", o.Version, o.Route, o.To)
			}
			met[o.Version] = true
			for _, s := range o.Senders {
				if sum[o.Version] == nil {
					sum[o.Version] = make(binned)
				}
				sum[o.Version].add(s.Requests, s.Subjects)
			}
		}
	}
	return sum
}

// minutes lets each of some subjects send in each of n minutes and seals as
// time goes by. send is called once for every subject and second.
func minutes(m *meter.Meter, n int, all []uint64, send func(now time.Time, second, i int)) {
	for s := range n * 60 {
		now := start.Add(time.Duration(s) * time.Second)
		m.Seal(now)
		for i := range all {
			send(now, s%60, i)
		}
	}
	m.Seal(start.Add(time.Duration(n)*time.Minute + 3*time.Second))
}

// TestInTenMinutesEverySubjectIsCountedOnce holds what is told of senders
// against what they sent: bin, group and the version that was met first.
func TestInTenMinutesEverySubjectIsCountedOnce(t *testing.T) {
	m := meter.New(meter.Options{Keep: time.Hour})
	series := map[string][]*meter.Series{}
	for _, version := range []string{"v1", "v2"} {
		for _, route := range []string{"a", "b"} {
			series[version] = append(series[version], m.Series("shop", version, route))
		}
	}
	all := subjects(700)
	sends := func(i int) int { return 1 + i%7*3 } // requests a minute: 1, 4, ... 19
	first := func(i int) string { return []string{"v1", "v2"}[i/7%2] }
	minutes(m, 10, all, func(now time.Time, second, i int) {
		if second < 60-sends(i) {
			return // so that everybody is counted into the last tick
		}
		version := first(i)
		if second > 60-sends(i) {
			version = "v1" // later requests may meet another
		}
		s := series[version][second%2]
		s.Begin(now.Add(750*time.Millisecond), all[i]).End(now.Add(800*time.Millisecond), meter.OK)
	})
	want := map[string]binned{"v1": {}, "v2": {}}
	bins := map[int]uint64{1: 1, 4: 4, 7: 6, 10: 8, 13: 12, 16: 16, 19: 16}
	for i, subject := range all {
		var groups [stagger.Groups]uint64
		groups[subject%stagger.Groups] = 1
		want[first(i)].add(bins[sends(i)], groups)
	}
	if diff := cmp.Diff(want, senders(t, ticks(t, m, time.Time{}))); diff != "" {
		t.Error(diff)
	}
}

func count(all map[string]binned) uint64 {
	var n uint64
	for _, b := range all {
		for _, groups := range b {
			for _, one := range groups {
				n += one
			}
		}
	}
	return n
}

// TestOnlyWholeMinutesTellOfSenders begins within a minute, and changes the
// seed, and with it every hash, within another.
func TestOnlyWholeMinutesTellOfSenders(t *testing.T) {
	m := meter.New(meter.Options{Keep: time.Hour})
	s := m.Series("shop", "v1", "all")
	all := subjects(1000)
	m.Seal(start.Add(20 * time.Second)) // the service begins here
	perMinute := func() [4]uint64 {
		var n [4]uint64
		for _, one := range ticks(t, m, time.Time{}) {
			n[min(int(one.From.Sub(start)/time.Minute), 3)] += count(senders(t, []stagger.Tick{one}))
		}
		return n
	}
	for second := 20; second < 4*60; second++ {
		now := start.Add(time.Duration(second) * time.Second)
		if second == 2*60+30 {
			m.Weigh(now, stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Seed: "seed", Weight: stagger.Percent(5)})
		}
		if second == 3*60+30 { // no other hashes
			m.Weigh(now, stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Seed: "seed", Weight: stagger.Percent(50)})
		}
		for i := second % 10; i < len(all); i += 10 {
			s.Begin(now, all[i]).End(now.Add(time.Millisecond), meter.OK)
		}
		m.Seal(now)
	}
	m.Seal(start.Add(4*time.Minute + 3*time.Second))
	n := perMinute()
	if n[0] != 0 || n[1] == 0 || n[2] != 0 || n[3] == 0 {
		t.Errorf("in the minutes %v subjects were told of, want some in the second and the last only", n)
	}
}

// TestSendersAreBounded lets more subjects send than there is room for.
func TestSendersAreBounded(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	all := subjects(140_000)
	now := start.Add(59*time.Second + 800*time.Millisecond)
	m.Seal(start)
	for second := range 60 {
		m.Seal(start.Add(time.Duration(second) * time.Second))
	}
	for range 2 {
		for _, subject := range all {
			s.Begin(now, subject).End(now, meter.OK)
		}
	}
	m.Seal(start.Add(time.Minute + 3*time.Second))
	got := senders(t, ticks(t, m, time.Time{}))
	if n := count(got); n != 12_288 {
		t.Errorf("%d subjects were counted, want three quarters of 16 384", n)
	}
	if len(got["v1"]) != 1 || got["v1"][2] == [stagger.Groups]uint64{} {
		t.Errorf("who was counted sent %v requests, want 2", got["v1"])
	}
}

// TestASenderWithoutEndIsBounded lets one subject send more than can be
// counted.
func TestASenderWithoutEndIsBounded(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v1", "all")
	r := everything(t)
	m.Seal(start)
	for range 70_000 {
		s.BeginRequest(start, r).End(start, meter.OK)
	}
	m.Seal(start.Add(time.Minute + 3*time.Second))
	got := senders(t, ticks(t, m, time.Time{}))
	if n := count(got); n != 1 || got["v1"][32_768] == [stagger.Groups]uint64{} {
		t.Errorf("%d subjects sent %v", n, got["v1"])
	}
}

// TestNoSenderIsLostOrCountedTwice lets workers send for the same subjects at
// once.
func TestNoSenderIsLostOrCountedTwice(t *testing.T) {
	const workers = 8
	m := meter.New(meter.Options{Keep: time.Hour})
	s := m.Series("shop", "v1", "all")
	all := subjects(1000)
	for minute := range 10 {
		from := start.Add(time.Duration(minute) * time.Minute)
		for second := range 60 {
			m.Seal(from.Add(time.Duration(second) * time.Second))
		}
		now := from.Add(59*time.Second + 800*time.Millisecond)
		var working sync.WaitGroup
		for range workers {
			working.Go(func() {
				for _, subject := range all {
					s.Begin(now, subject).End(now, meter.OK)
				}
			})
		}
		working.Wait()
	}
	m.Seal(start.Add(10*time.Minute + 3*time.Second))
	got := senders(t, ticks(t, m, time.Time{}))
	if n := count(got); n != uint64(len(all)) {
		t.Errorf("%d subjects were counted, want %d", n, len(all))
	}
	if len(got["v1"]) != 1 || got["v1"][workers] == [stagger.Groups]uint64{} {
		t.Errorf("they sent %v, want %d requests each", got["v1"], workers)
	}
}
