package meter

import "testing"

// TestWeightsAreBoundedWithoutSealing changes the weight in ten thousand ticks.
func TestWeightsAreBoundedWithoutSealing(t *testing.T) {
	var ws weights
	for i := range int64(10_000) {
		ws.add(weight{since: i, exposes: true, share: float64(i%2) / 2})
	}
	if len(ws) != maxWeights {
		t.Errorf("%d are remembered, want %d", len(ws), maxWeights)
	}
	ws.forget(10_001)
	if got := ws.share(10_001); len(ws) != 1 || got == nil || *got != 0.5 {
		t.Errorf("%v is left, which gives the share %v", ws, got)
	}
}

func TestASenderIsInTheBinThatBeginsAtItsRequestsOrBelow(t *testing.T) {
	starts := make([]uint64, senderBins)
	for bin := range starts {
		starts[bin] = binStart(bin)
	}
	for n := uint64(1); n <= 2*mostSent; n++ {
		bin := binOf(n)
		if starts[bin] > n || bin+1 < senderBins && starts[bin+1] <= n {
			t.Fatalf("%d requests are in the bin of %d", n, starts[bin])
		}
	}
	if starts[senderBins-1] != mostSent {
		t.Errorf("the last bin begins at %d, want %d", starts[senderBins-1], mostSent)
	}
}

// TestVersionsThatComeAndGoHaveNumbersOfTheirOwn wraps the numbers around.
func TestVersionsThatComeAndGoHaveNumbersOfTheirOwn(t *testing.T) {
	s := New(Options{}).Series("shop", "v1", "all").service
	s.numbers = 1<<16 - 2
	for _, version := range []string{"v2", "v3", "v4", "v5"} {
		s.add(version, "all")
	}
	seen := make(map[uint16]string)
	for _, one := range s.series {
		if other, taken := seen[one.number]; taken {
			t.Errorf("%s and %s have the number %d", one.version, other, one.number)
		}
		seen[one.number] = one.version
	}
	if again := s.number("v3"); seen[again] != "v3" {
		t.Errorf("the number of v3 is %d, which is that of %q", again, seen[again])
	}
}

// TestSubjectsMadeUpToFallOnEachOtherCostLittle fills both tables with subjects
// that all begin at the same place, found by dividing by the factor.
func TestSubjectsMadeUpToFallOnEachOtherCostLittle(t *testing.T) {
	inverse := uint64(1) // of the factor, by Newton's iteration
	for range 6 {
		inverse *= 2 - 0x9e3779b97f4a7c15*inverse
	}
	a, s := ArrivalsUnder("seed", nil), newSenders(0)
	for i := range uint64(3000) {
		subject := (1<<60 + i) * inverse
		if probeFrom(subject, arrivalSize) != 1<<12 {
			t.Fatal("the subjects do not fall on each other")
		}
		if first := a.first(subject); first != (i < maxProbes) {
			t.Fatalf("subject %d is the first: %v", i, first)
		}
		if a.first(subject) {
			t.Fatalf("subject %d came twice", i)
		}
		s.add(subject, 1)
	}
	if n := s.known.Load(); n != maxProbes {
		t.Errorf("%d senders are known, want %d", n, maxProbes)
	}
}
