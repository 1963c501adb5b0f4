package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// TestWatchSeesALateChange watches a version that gets worse after twenty
// minutes, and then recovers.
func TestWatchSeesALateChange(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(v *version)
		signal stagger.Signal
	}{
		"failures": {func(v *version) { v.errors = 0.05 }, stagger.SignalErrors},
		"latency":  {func(v *version) { v.slow = 3 }, stagger.SignalLatency},
	} {
		t.Run(name, func(t *testing.T) {
			w, watch := newWorld(1, 200), judge.NewWatch("v1")
			look := func(d time.Duration, until func(stagger.Watch) bool) time.Duration {
				for start := w.now; w.now.Sub(start) < d; {
					watch.Observe(w.tick())
					if until(watch.Report()) {
						return w.now.Sub(start)
					}
				}
				return 0
			}
			alarmed := func(r stagger.Watch) bool { return !r.Since.IsZero() }
			if took := look(20*time.Minute, func(r stagger.Watch) bool { return !r.Learning }); took < 9*time.Minute || took > 11*time.Minute {
				t.Errorf("it learned for %s", took)
			}
			if look(time.Hour, alarmed) > 0 {
				t.Fatalf("an alarm for nothing: %s", watch.Report().Sentence)
			}
			healthy := w.v1
			c.spoil(&w.v1)
			took := look(time.Minute, alarmed)
			r := watch.Report()
			if took == 0 || took > 15*time.Second || r.Signal != c.signal || !strings.Contains(r.Sentence, "worse than when its watch began") {
				t.Fatalf("after %s: %+v", took, r)
			}
			w.v1 = healthy
			if look(time.Minute, func(r stagger.Watch) bool { return r.Since.IsZero() }) == 0 {
				t.Errorf("it never recovers: %+v", watch.Report())
			}
		})
	}
}
