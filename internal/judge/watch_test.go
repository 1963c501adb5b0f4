package judge_test

import (
	"bytes"
	"reflect"
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

// TestRestoredWatchGoesOnBitForBit restarts one of two watches every minute,
// through learning, harm and recovery.
func TestRestoredWatchGoesOnBitForBit(t *testing.T) {
	w, through, restarted := newWorld(1, 200), judge.NewWatch("v1"), judge.NewWatch("v1")
	healthy, alarms := w.v1, 0
	for minute := range 18 {
		w.v1 = healthy
		if minute == 12 || minute == 13 {
			w.v1.errors = 0.05
		}
		for end := w.now.Add(time.Minute); w.now.Before(end); {
			tick := w.tick()
			through.Observe(tick)
			restarted.Observe(tick)
			if a, b := through.Report(), restarted.Report(); !reflect.DeepEqual(a, b) {
				t.Fatalf("minute %d: it says %+v, and after restarts %+v", minute, a, b)
			}
		}
		if !through.Report().Since.IsZero() {
			alarms++
		}
		a, b := stateOfWatch(t, through), stateOfWatch(t, restarted)
		if !bytes.Equal(a, b) {
			t.Fatalf("minute %d: the states differ", minute)
		}
		var err error
		if restarted, err = judge.RestoreWatch("v1", b); err != nil {
			t.Fatal(err)
		}
	}
	if alarms == 0 || !through.Report().Since.IsZero() {
		t.Errorf("%d alarms, and at the end %+v; nothing was compared that matters", alarms, through.Report())
	}
}

func stateOfWatch(t *testing.T, w *judge.Watch) []byte {
	t.Helper()
	state, err := w.State()
	if err != nil {
		t.Fatal(err)
	}
	if len(state) > 64<<10 {
		t.Errorf("a watch takes %d bytes", len(state))
	}
	return state
}

func TestWatchOfAnotherVersionIsRefused(t *testing.T) {
	state := stateOfWatch(t, judge.NewWatch("v1"))
	if _, err := judge.RestoreWatch("v2", state); err == nil || !strings.Contains(err.Error(), `"v1"`) {
		t.Errorf("as v2: %v", err)
	}
	for _, broken := range []string{"", "{}", `{"version":"v1"}`, `{"version":"v1","judge":{"banks":[{},{}]}}`} {
		if _, err := judge.RestoreWatch("v1", []byte(broken)); err == nil {
			t.Errorf("%q is taken", broken)
		}
	}
}
