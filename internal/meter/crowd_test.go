package meter_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/distinct"
	"github.com/stagger-dev/stagger/internal/meter"
)

func TestCrowdIsWhoMetTheCandidate(t *testing.T) {
	m := meter.New(meter.Options{})
	v1, v2 := m.Series("shop", "v1", "all"), m.Series("shop", "v2", "all")
	crowd := meter.CrowdOf("r1", nil)
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		subject := random.Uint64()
		for range 3 {
			v2.BeginRequest(start, meter.Request{Subject: subject, Crowd: crowd}).End(start, meter.OK)
		}
		v1.BeginRequest(start, meter.Request{Subject: random.Uint64()}).End(start, meter.OK)
	}
	if n := crowd.Sketch().Estimate(); math.Abs(n-2000) > 150 {
		t.Errorf("2000 met the candidate, counted are %.0f", n)
	}
	if again := meter.CrowdOf("r1", crowd); again != crowd {
		t.Error("the same rollout has another crowd")
	}
	if next := meter.CrowdOf("r2", crowd); next == crowd || next.Sketch().Estimate() > 0 || next.Rollout() != "r2" {
		t.Error("the next rollout does not begin with nobody")
	}
}

// TestCrowdLosesNobodyInARace counts the same subjects from many sides at once.
func TestCrowdLosesNobodyInARace(t *testing.T) {
	m := meter.New(meter.Options{})
	s := m.Series("shop", "v2", "all")
	crowd := meter.CrowdOf("r1", nil)
	var want distinct.Sketch
	var wg sync.WaitGroup
	for side := range 4 {
		for i := range 5000 {
			want.Add(subjectOf(side, i))
		}
		wg.Go(func() {
			for i := range 5000 {
				s.BeginRequest(start, meter.Request{Subject: subjectOf(side, i), Crowd: crowd}).End(start, meter.OK)
			}
		})
	}
	wg.Wait()
	if got := crowd.Sketch(); *got != want {
		t.Errorf("%.0f are counted, came %.0f", got.Estimate(), want.Estimate())
	}
}

func subjectOf(side, i int) uint64 { return rand.New(rand.NewPCG(uint64(side%2), uint64(i))).Uint64() }

// BenchmarkCrowd is BenchmarkBeginEnd of requests whose subjects are counted.
func BenchmarkCrowd(b *testing.B) {
	s := meter.New(meter.Options{}).Series("shop", "v1", "all")
	random := rand.New(rand.NewPCG(1, 2))
	subjects := make([]uint64, 4096)
	for i := range subjects {
		subjects[i] = random.Uint64()
	}
	now := time.Now()
	later := now.Add(3 * time.Millisecond)
	for name, crowd := range map[string]*meter.Crowd{"without": nil, "with": meter.CrowdOf("r1", nil)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.BeginRequest(now, meter.Request{Subject: subjects[i%len(subjects)], Crowd: crowd}).End(later, meter.OK)
			}
		})
	}
}
