package difference

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

func at(paths ...string) []Place {
	var out []Place
	for _, p := range paths {
		out = append(out, Place{Path: p, Kind: stagger.DifferenceChanged, A: "a", B: "b"})
	}
	return out
}

func outcome(i int, candidate, noise []Place) Outcome {
	return Outcome{At: time.Unix(int64(i), 0), Method: "GET", Target: "/", Candidate: candidate, Noise: noise, Pair: true}
}

func find(t *testing.T, l *Ledger, path string) stagger.Difference {
	t.Helper()
	for _, d := range l.Differences() {
		if d.Path == path {
			return d
		}
	}
	t.Fatalf("%s was not found", path)
	return stagger.Difference{}
}

func TestAChangeIsFoundAndNoiseIsNot(t *testing.T) {
	l, chance := NewLedger(), rand.New(rand.NewPCG(1, 2))
	var said stagger.Shadowed
	for i := range 300 {
		candidate, noise := at("$.at"), at("$.at") // always differs
		if i%3 == 0 {
			candidate = append(candidate, at("$.order.total")...)
		}
		if chance.Float64() < 0.3 {
			candidate = append(candidate, at("$.shuffled")...)
		}
		if chance.Float64() < 0.3 {
			noise = append(noise, at("$.shuffled")...)
		}
		said = said.Plus(l.Add(outcome(i, candidate, noise)))
	}
	for path, want := range map[string]stagger.DifferenceFinding{
		"$.order.total": stagger.FoundDifference, "$.at": stagger.FoundNoise, "$.shuffled": stagger.FoundNoise,
	} {
		if d := find(t, l, path); d.Finding != want {
			t.Errorf("%s is called %s, want %s: %+v", path, d.Finding, want, d)
		}
	}
	if first := l.Differences()[0]; first.Path != "$.order.total" || first.Candidate != 100 || first.NoiseRate != 0 || len(first.Examples) != maxExamples {
		t.Errorf("the difference does not stand first with its counts: %+v", first)
	}
	// 290 are counted, a third differ; noise is left out once it is known.
	if said.Compared != 290 || said.Differing < 96 || said.Differing > 110 || said.OnlyBaseline > 10 {
		t.Errorf("as a whole: %+v", said)
	}
}

func TestAChangeBeyondTheNoiseOfItsOwnPlaceIsFound(t *testing.T) {
	l, chance := NewLedger(), rand.New(rand.NewPCG(3, 4))
	for i := range 300 {
		var noise []Place
		if chance.Float64() < 0.7 {
			noise = at("$.x")
		}
		l.Add(outcome(i, at("$.x"), noise))
	}
	if d := find(t, l, "$.x"); d.Finding != stagger.FoundDifference {
		t.Errorf("100 %% against 70 %% of noise: %+v", d)
	}
}

// TestVersionsThatDoTheSameAreRarelyCalledDifferent lets both answer alike at
// many places of all rates, and in clumps, and looks at every moment.
func TestVersionsThatDoTheSameAreRarelyCalledDifferent(t *testing.T) {
	const lives = 400
	called := 0
	for life := range lives {
		l, chance := NewLedger(), rand.New(rand.NewPCG(uint64(life), 5))
		clump := 0.0
		for i := range 400 {
			if i%40 == 0 {
				clump = chance.Float64()
			}
			draw := func() []Place {
				var out []Place
				for p := range 12 {
					if chance.Float64() < clump*float64(p)/12 {
						out = append(out, at(fmt.Sprintf("$.p%d", p))...)
					}
				}
				return out
			}
			l.Add(outcome(i, draw(), draw()))
		}
		for _, d := range l.Differences() {
			if d.Finding == stagger.FoundDifference {
				called++
				break
			}
		}
	}
	// At most 5 % are expected, 20; 38 is beyond four standard deviations.
	t.Logf("%d of %d", called, lives)
	if called > 38 {
		t.Errorf("%d of %d lives call a difference that is not there", called, lives)
	}
}

func TestALedgerIsBounded(t *testing.T) {
	l := NewLedger()
	long := strings.Repeat("x", 10_000)
	for i := range 1000 {
		o := outcome(i, at(fmt.Sprintf("$.p%d", i)), nil)
		o.Target = long
		l.Add(o)
	}
	all := l.Differences()
	if len(all) != maxEntries || l.Beyond() != 1000-maxEntries {
		t.Errorf("%d places are kept, %d are beyond", len(all), l.Beyond())
	}
	for _, d := range all {
		for _, e := range d.Examples {
			if len(e.Target) > 2*maxShown {
				t.Fatalf("a target of %d bytes is kept", len(e.Target))
			}
		}
	}
}

func TestWithoutPairsNothingIsProved(t *testing.T) {
	l := NewLedger()
	for i := range 500 {
		o := outcome(i, at("$.x"), nil)
		o.Pair = false
		l.Add(o)
	}
	if d := find(t, l, "$.x"); d.Finding != stagger.FoundUnclear || d.Evidence != 0 {
		t.Errorf("got %+v", d)
	}
	if got := l.Counted(); got != (stagger.Shadowed{}) {
		t.Errorf("it counts as evidence: %+v", got)
	}
}
