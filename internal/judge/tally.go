package judge

import "github.com/stagger-dev/stagger/internal/histogram"

// tally counts durations by bucket, in the range of buckets that were met.
type tally[N uint64 | float64] struct {
	First  int32 `json:"first"` // bucket of the first of Counts
	Counts []N   `json:"counts,omitempty"`
}

// tallySteps is by how many buckets a range grows at once.
const tallySteps = 32

const buckets = int(histogram.MaxIndex-histogram.MinIndex) + 1

// add counts n durations in a bucket; what lies outside of all counts at the
// nearest end.
func (t *tally[N]) add(bucket int32, n N) {
	bucket = min(max(bucket, histogram.MinIndex), histogram.MaxIndex)
	if n == 0 {
		return
	}
	t.reach(bucket)
	t.Counts[bucket-t.First] += n
}

// reach makes the range cover a bucket.
func (t *tally[N]) reach(bucket int32) {
	from := (bucket-histogram.MinIndex)/tallySteps*tallySteps + histogram.MinIndex
	if len(t.Counts) == 0 {
		t.First = from
	}
	first, end := min(from, t.First), max(from+tallySteps, t.First+int32(len(t.Counts)))
	if size := int(end - first); size > len(t.Counts) {
		counts := make([]N, size) // and no more room than that
		copy(counts[t.First-first:], t.Counts)
		t.First, t.Counts = first, counts
	}
}

// sound says whether the range lies within that of all buckets.
func (t *tally[N]) sound() bool {
	if len(t.Counts) == 0 {
		return true
	}
	first := int(t.First - histogram.MinIndex)
	return t.First >= histogram.MinIndex && t.First <= histogram.MaxIndex && first%tallySteps == 0 &&
		len(t.Counts)%tallySteps == 0 && first+len(t.Counts) < buckets+tallySteps
}

// beyond sums what was counted beyond a bucket.
func (t *tally[N]) beyond(bucket int32) (sum N) {
	for _, n := range t.Counts[min(max(int(bucket-t.First)+1, 0), len(t.Counts)):] {
		sum += n
	}
	return sum
}

// ranks returns the buckets of ranks, which rise; what was not counted is longer
// than all that was.
func (t *tally[N]) ranks(ranks [3]float64) [3]int32 {
	out := [...]int32{histogram.MaxIndex, histogram.MaxIndex, histogram.MaxIndex}
	seen, next := 0.0, 0
	for i, n := range t.Counts {
		if n == 0 {
			continue
		}
		for seen += float64(n); seen >= ranks[next]; {
			out[next] = t.First + int32(i)
			if next++; next == len(ranks) {
				return out
			}
		}
	}
	return out
}

// rank returns the bucket of one rank.
func (t *tally[N]) rank(rank float64) int32 { return t.ranks([...]float64{rank, rank, rank})[0] }
