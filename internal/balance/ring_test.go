package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("10.0.0.%d:80", i)
	}
	return out
}

func alike(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = 1000
	}
	return out
}

func never(int) bool { return false }

func TestOnARingSubjectsSpreadByWeight(t *testing.T) {
	weights := []uint64{1000, 2000, 3000, 500}
	r := NewRing(names(4), weights)
	met := make([]float64, 4)
	const n = 100_000
	for i := range n {
		met[r.Find(uint64(i)*(math.MaxUint64/n), never)]++
	}
	for i, w := range weights {
		if share := float64(w) / 6500; math.Abs(met[i]/n-share) > 0.25*share {
			t.Errorf("place %d has %.3f of the subjects, want %.3f", i, met[i]/n, share)
		}
	}
}

// TestACandidateOfSmallWeightUsesAllItsEndpoints: those who meet it are the
// first hundredth of the line.
func TestACandidateOfSmallWeightUsesAllItsEndpoints(t *testing.T) {
	r := NewRing(names(5), alike(5))
	met := make([]float64, 5)
	const n = 20_000
	for i := range n {
		met[r.Find(uint64(i)*(math.MaxUint64/100/n), never)]++
	}
	for i, got := range met {
		if math.Abs(got/n-0.2) > 0.06 {
			t.Errorf("place %d has %.3f of the subjects, want a fifth", i, got/n)
		}
	}
}

// TestOnARingOnlySubjectsOfWhoeverLeavesMove, and of those who come only their
// share moves to them.
func TestOnARingOnlySubjectsOfWhoeverLeavesMove(t *testing.T) {
	all := names(6)
	before, after := NewRing(all, alike(6)), NewRing(append(append([]string{}, all[:2]...), all[3:]...), alike(5))
	left := append(append([]string{}, all[:2]...), all[3:]...)
	chance := rand.New(rand.NewPCG(1, 2))
	moved := 0
	const n = 20_000
	for range n {
		subject := chance.Uint64()
		was, is := all[before.Find(subject, never)], left[after.Find(subject, never)]
		if was == all[2] {
			moved++
			continue
		}
		if was != is {
			t.Fatalf("a subject went from %s to %s, though %s left", was, is, all[2])
		}
	}
	if share := float64(moved) / n; math.Abs(share-1.0/6) > 0.05 {
		t.Errorf("%.3f of the subjects moved, want a sixth", share)
	}
}

func TestAHotSubjectOverflowsToAnother(t *testing.T) {
	r := NewRing(names(4), alike(4))
	load := make([]int64, 4)
	all := int64(0)
	for range 1000 {
		at := r.Find(7, func(i int) bool { return load[i] >= Bound(all, 0.25) })
		load[at]++
		all++
	}
	for i, n := range load {
		if float64(n) > 1.25*250+2 {
			t.Errorf("place %d has %d of 1000 requests", i, n)
		}
	}
}

func TestFewRequestsStayTogether(t *testing.T) {
	r := NewRing(names(4), alike(4))
	load := make([]int64, 4)
	own := r.Find(7, never)
	for all := range int64(few) {
		if at := r.Find(7, func(i int) bool { return load[i] >= Bound(all, 0.25) }); at != own {
			t.Fatalf("request %d went elsewhere", all)
		}
		load[own]++
	}
}

func TestWhereAllAreFullASubjectKeepsItsPlace(t *testing.T) {
	r := NewRing(names(4), alike(4))
	for subject := range uint64(100) {
		if r.Find(subject, func(int) bool { return true }) != r.Find(subject, never) {
			t.Fatal("it moved")
		}
	}
}
