//go:build !race

package judge_test

import (
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestASteadyTickAllocatesNothing lets ticks come again and again once the judge
// has met all there is. The race detector allocates on its own account.
func TestASteadyTickAllocatesNothing(t *testing.T) {
	for name, row := range map[string]struct{ groups, routes, plain bool }{
		"one route":               {},
		"several routes":          {routes: true},
		"groups and a placebo":    {groups: true},
		"all, and plain evidence": {groups: true, routes: true, plain: true},
	} {
		t.Run(name, func(t *testing.T) {
			settings := config()
			settings.Plain = row.plain
			settings.Guardrails = append(settings.Guardrails, stagger.Guardrail{
				Signal: stagger.SignalGoodput, Tolerance: 1.5, Floor: 0.005, Healthy: 0.02, Alpha: 0.01, Action: stagger.ActionRollback,
			})
			c, j := newCrowd(1, 400), judge.New(settings)
			for range 200 {
				j.Observe(c.tick())
			}
			c.share = 0.2
			next := ticksAgain(c, row.groups, row.routes)
			for range 600 {
				j.Observe(next())
			}
			if n := testing.AllocsPerRun(400, func() { j.Observe(next()) }); n != 0 {
				t.Errorf("%g allocations a tick", n)
			}
		})
	}
}

// ticksAgain returns the same ticks again and again, with the time going on.
func ticksAgain(c *crowd, groups, routes bool) func() stagger.Tick {
	ticks := make([]stagger.Tick, 200)
	for i := range ticks {
		ticks[i] = c.tick()
		for k := range ticks[i].Observations {
			o := &ticks[i].Observations[k]
			if routes {
				o.Route = []string{"a", "b", "c"}[i%3]
			}
			if !groups {
				o.Groups = nil
			}
		}
	}
	now, i := c.now, 0
	return func() stagger.Tick {
		tick := ticks[i%len(ticks)]
		tick.From, tick.To = now, now.Add(250*time.Millisecond)
		now, i = tick.To, i+1
		return tick
	}
}
