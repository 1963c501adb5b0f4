package sequential_test

import (
	"testing"

	"github.com/stagger-dev/stagger/internal/sequential"
)

// BenchmarkLogM is what one table costs at all tilts.
func BenchmarkLogM(b *testing.B) {
	for name, t := range map[string]sequential.Table{
		"errors": {Total: 10_000, Candidate: 500, Outcomes: 10, Hits: 1},
		"p99":    {Total: 10_000, Candidate: 500, Outcomes: 100, Hits: 5},
		"p90":    {Total: 10_000, Candidate: 500, Outcomes: 1000, Hits: 50},
		"p50":    {Total: 10_000, Candidate: 500, Outcomes: 5000, Hits: 250},
		"great":  {Total: 100_000, Candidate: 25_000, Outcomes: 50_000, Hits: 12_500},
	} {
		b.Run(name, func(b *testing.B) {
			sum := 0.0
			for b.Loop() {
				m := t.Moments()
				for _, tilt := range sequential.Tilts {
					sum += m.Log(tilt)
				}
			}
			if sum == 0 {
				b.Fatal("nothing was computed")
			}
		})
	}
}
