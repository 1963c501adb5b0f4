package circuit_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger/internal/circuit"
)

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rule  = circuit.Rule{Consecutive: 5, Rate: 0.5, Window: 10 * time.Second, Least: 20, Open: 5 * time.Second, Probes: 3}
)

// pass lets one request through and reports how it ended.
func pass(t *testing.T, b *circuit.Breaker, now time.Time, r circuit.Result) {
	t.Helper()
	ticket, ok := b.Admit(now)
	if !ok {
		t.Fatalf("nothing passes, it is %s", b.State())
	}
	b.End(now, ticket, r)
}

func TestItOpensWithTheLastOfARow(t *testing.T) {
	b := circuit.New(rule)
	for range rule.Consecutive - 1 {
		pass(t, &b, start, circuit.Failed)
	}
	pass(t, &b, start, circuit.Unknown)
	pass(t, &b, start, circuit.Succeeded)
	for i := range rule.Consecutive {
		if b.State() != circuit.Closed {
			t.Fatalf("open after %d failures in a row", i)
		}
		pass(t, &b, start, circuit.Failed)
	}
	if why, since := b.Why(); b.State() != circuit.Open || why != "5 failures in a row" || !since.Equal(start) {
		t.Errorf("%s since %s: %q", b.State(), since, why)
	}
	if _, ok := b.Admit(start.Add(rule.Open - 1)); ok {
		t.Error("a request passes while it is open")
	}
}

func TestItOpensAtARateOfEnough(t *testing.T) {
	r := rule
	r.Consecutive = 0
	b := circuit.New(r)
	b.Add(start, 10)
	for i := range 10 {
		if b.State() != circuit.Closed {
			t.Fatalf("open after %d of %d", i, 10+i)
		}
		pass(t, &b, start.Add(time.Second), circuit.Failed)
	}
	if why, _ := b.Why(); why != "10 of 20 requests failed within 10s" {
		t.Errorf("%s: %q", b.State(), why)
	}
}

func TestWhatIsLongAgoIsForgotten(t *testing.T) {
	r := rule
	r.Consecutive = 0
	b := circuit.New(r)
	for range 19 {
		pass(t, &b, start, circuit.Failed)
	}
	pass(t, &b, start.Add(r.Window), circuit.Failed)
	if b.State() != circuit.Closed {
		t.Error("failures from before the window opened it")
	}
}

func TestProbesDecide(t *testing.T) {
	for _, row := range []struct {
		rule    string
		results []circuit.Result
		want    circuit.State
	}{
		{"all succeed", []circuit.Result{circuit.Succeeded, circuit.Succeeded, circuit.Succeeded}, circuit.Closed},
		{"one fails", []circuit.Result{circuit.Succeeded, circuit.Failed}, circuit.Open},
		{"not all have ended", []circuit.Result{circuit.Succeeded, circuit.Succeeded}, circuit.Probing},
		{"one that tells nothing is replaced", []circuit.Result{circuit.Unknown, circuit.Succeeded, circuit.Succeeded, circuit.Succeeded}, circuit.Closed},
	} {
		t.Run(row.rule, func(t *testing.T) {
			b := circuit.New(rule)
			for range rule.Consecutive {
				pass(t, &b, start, circuit.Failed)
			}
			for _, r := range row.results {
				pass(t, &b, start.Add(rule.Open), r)
			}
			if b.State() != row.want {
				t.Errorf("it is %s, want %s", b.State(), row.want)
			}
		})
	}
}

func TestWhoComesLateFromABadTimeSaysNothing(t *testing.T) {
	b := circuit.New(rule)
	late, _ := b.Admit(start)
	for range rule.Consecutive {
		pass(t, &b, start, circuit.Failed)
	}
	at := start.Add(rule.Open)
	for range rule.Probes - 1 {
		pass(t, &b, at, circuit.Succeeded)
	}
	b.End(at, late, circuit.Succeeded)
	if b.State() != circuit.Probing {
		t.Error("a request from before counted as a probe")
	}
	b.End(at, late, circuit.Failed)
	if b.State() != circuit.Probing {
		t.Error("a failure from before opened it again")
	}
}

// TestNeverMoreProbesThanTheRuleHas holds the invariants over any life.
func TestNeverMoreProbesThanTheRuleHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := circuit.New(rule)
		now, opened := start, time.Time{}
		var under []circuit.Ticket
		probes := map[circuit.Ticket]int{} // under way, by the time of probing they belong to
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
			before := b.State()
			if len(under) == 0 || rapid.Bool().Draw(t, "begin") {
				ticket, ok := b.Admit(now)
				switch {
				case !ok:
					continue
				case before == circuit.Open && now.Sub(opened) < rule.Open:
					t.Fatalf("a request passed %s after it opened", now.Sub(opened))
				case b.State() == circuit.Probing:
					if probes[ticket]++; probes[ticket] > rule.Probes {
						t.Fatalf("%d probes at once", probes[ticket])
					}
				}
				under = append(under, ticket)
				continue
			}
			i := rapid.IntRange(0, len(under)-1).Draw(t, "which")
			if probes[under[i]] > 0 {
				probes[under[i]]--
			}
			b.End(now, under[i], circuit.Result(rapid.IntRange(0, 2).Draw(t, "result")))
			under = append(under[:i], under[i+1:]...)
			if b.State() == circuit.Open && before != circuit.Open {
				opened = now
			}
		}
	})
}
