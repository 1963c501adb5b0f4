package histogram_test

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

func TestIndexIsTheLeastBucketThatHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(int64(50*time.Microsecond), int64(100*time.Second)).Draw(t, "d"))
		i := histogram.Index(d)
		if d.Seconds() > histogram.Upper(i)*(1+1e-12) || d.Seconds() <= histogram.Upper(i-1)*(1-1e-12) {
			t.Fatalf("Index(%v) = %d, but its bucket is (%g, %g]", d, i, histogram.Upper(i-1), histogram.Upper(i))
		}
	})
}

func TestIndexAtTheEdges(t *testing.T) {
	for _, row := range []struct {
		rule string
		d    time.Duration
		want int32
	}{
		{"one second ends bucket 0", time.Second, 0},
		{"just beyond it begins bucket 1", time.Second + 1, 1},
		{"half a second ends an octave", 500 * time.Millisecond, -32},
		{"nothing counts at the least", 0, histogram.MinIndex},
		{"less than nothing too", -time.Hour, histogram.MinIndex},
		{"an hour counts at the most", time.Hour, histogram.MaxIndex},
		{"the longest duration too", math.MaxInt64, histogram.MaxIndex},
	} {
		t.Run(row.rule, func(t *testing.T) {
			if got := histogram.Index(row.d); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
}

func TestSumAddsBucketByBucket(t *testing.T) {
	a := stagger.Histogram{Zero: 1, Sum: 2, Buckets: []stagger.Bucket{{Index: -3, Count: 1}, {Index: 5, Count: 2}}}
	b := stagger.Histogram{Zero: 2, Sum: 3, Buckets: []stagger.Bucket{{Index: -3, Count: 4}, {Index: 0, Count: 1}, {Index: 9, Count: 1}}}
	want := stagger.Histogram{Zero: 3, Sum: 5, Buckets: []stagger.Bucket{
		{Index: -3, Count: 5}, {Index: 0, Count: 1}, {Index: 5, Count: 2}, {Index: 9, Count: 1},
	}}
	if diff := cmp.Diff(histogram.Sum(a, b), want); diff != "" {
		t.Error(diff)
	}
	if a.Buckets[0].Count != 1 {
		t.Error("Sum changed what it read")
	}
}

// TestAddToIsSumInPlace adds all that a random walk leaves, and looks for room
// that is taken anew.
func TestAddToIsSumInPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) map[int32]uint64 {
			return rapid.MapOf(rapid.Int32Range(-9, 9), rapid.Uint64Range(1, 5)).Draw(t, name)
		}
		list := func(m map[int32]uint64) (h stagger.Histogram) {
			for _, i := range slices.Sorted(maps.Keys(m)) {
				h.Buckets = append(h.Buckets, stagger.Bucket{Index: i, Count: m[i]})
			}
			return h
		}
		a, b := draw("a"), draw("b")
		sum, other := list(a), list(b)
		histogram.AddTo(&sum, other)
		if diff := cmp.Diff(other, list(b)); diff != "" {
			t.Fatalf("it changed what it read: %s", diff)
		}
		for i, n := range b {
			a[i] += n
		}
		if diff := cmp.Diff(sum, list(a)); diff != "" {
			t.Fatal(diff)
		}
		room := cap(sum.Buckets)
		if histogram.AddTo(&sum, other); cap(sum.Buckets) != room {
			t.Fatal("it took more room for the same buckets")
		}
	})
}

func TestQuantileNamesTheBucketThatHoldsIt(t *testing.T) {
	h := stagger.Histogram{Zero: 10, Buckets: []stagger.Bucket{{Index: -32, Count: 80}, {Index: 0, Count: 10}}}
	for _, row := range []struct {
		rule      string
		q         float64
		low, high float64
	}{
		{"a quantile among the zeros", 0.05, 0, 0},
		{"the median", 0.5, histogram.Upper(-33), 0.5},
		{"the last rank of a bucket", 0.9, histogram.Upper(-33), 0.5},
		{"the tail", 0.95, histogram.Upper(-1), 1},
		{"the longest", 1, histogram.Upper(-1), 1},
	} {
		t.Run(row.rule, func(t *testing.T) {
			if low, high := histogram.Quantile(h, row.q); low != row.low || high != row.high {
				t.Errorf("got %g to %g, want %g to %g", low, high, row.low, row.high)
			}
		})
	}
	if got := histogram.Above(h, -32); got != 10 {
		t.Errorf("Above half a second: got %d, want 10", got)
	}
}

func BenchmarkIndex(b *testing.B) {
	d := time.Millisecond
	for b.Loop() {
		if histogram.Index(d) > histogram.MaxIndex {
			b.Fatal("beyond the range")
		}
		d = d*5/4%time.Second + time.Microsecond
	}
}

// TestCoarseBucketsCoverTheFine looks at every bucket there is.
func TestCoarseBucketsCoverTheFine(t *testing.T) {
	for i := histogram.MinIndex; i <= histogram.MaxIndex; i++ {
		place := histogram.Coarse(i)
		if place < 0 || place >= histogram.CoarseBuckets {
			t.Fatalf("bucket %d: place %d of %d", i, place, histogram.CoarseBuckets)
		}
		if index := histogram.CoarseIndex(place); index%stagger.GroupSteps != 0 || index < i || index-i >= stagger.GroupSteps {
			t.Errorf("bucket %d is covered by %d", i, index)
		}
	}
}
