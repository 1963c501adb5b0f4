package judge

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger/internal/histogram"
)

// TestATallyCountsLikeOneOfAllBuckets holds the range of buckets that were met
// against counts of all there are.
func TestATallyCountsLikeOneOfAllBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var counts tally[uint64]
		var met []int32
		buckets := rapid.SliceOfN(rapid.Int32Range(histogram.MinIndex-20, histogram.MaxIndex+20), 1, 40).Draw(t, "buckets")
		for _, b := range buckets {
			counts.add(b, 1)
			met = append(met, min(max(b, histogram.MinIndex), histogram.MaxIndex))
		}
		slices.Sort(met)
		if !counts.sound() {
			t.Fatalf("a range of %d from %d", len(counts.Counts), counts.First)
		}
		for i, b := range met {
			if got := counts.rank(float64(i + 1)); got != b {
				t.Fatalf("rank %d is in bucket %d, want %d", i+1, got, b)
			}
		}
		if got := counts.rank(float64(len(met) + 1)); got != histogram.MaxIndex {
			t.Fatalf("what was not counted is in bucket %d", got)
		}
		at := rapid.Int32Range(histogram.MinIndex, histogram.MaxIndex).Draw(t, "at")
		want := uint64(0)
		for _, b := range met {
			if b > at {
				want++
			}
		}
		if got := counts.beyond(at); got != want {
			t.Fatalf("%d beyond %d, want %d", got, at, want)
		}
	})
}
