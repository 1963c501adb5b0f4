package controller_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
	"github.com/stagger-dev/stagger/internal/sim"
)

// BenchmarkLook is one look at a service with a rollout under way, without the
// making of its traffic.
func BenchmarkLook(b *testing.B) {
	w := sim.NewWorld(1, 400, controller.StatisticalJudge)
	if err := w.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	p := plan()
	p.Stages = p.Stages[:1]
	p.Stages[0].Weight, p.Stages[0].MinTime = 20*stagger.WeightPercent, 1000*time.Hour
	p.Guardrails = []stagger.Guardrail{
		{Signal: stagger.SignalErrors, Tolerance: 1.5, Floor: 0.0005, Healthy: 0.002, Alpha: 0.01, Action: stagger.ActionRollback},
		{Signal: stagger.SignalLatency, Tolerance: 0.05, Floor: 0.002, Healthy: 0.24, Alpha: 0.01, Action: stagger.ActionRollback},
	}
	w.Deploy("v2", p)
	w.Run(b.Context(), time.Minute)
	var looked time.Duration
	n := 0
	for b.Loop() {
		w.Clock.Advance(sim.Tick)
		w.Traffic.Pass(w.Clock.Now(), sim.Tick, w.Plane.Split(sim.Service))
		began := time.Now()
		w.Controller.Step(b.Context())
		looked += time.Since(began)
		n++
	}
	b.ReportMetric(float64(looked.Nanoseconds())/float64(n), "ns/look")
}
