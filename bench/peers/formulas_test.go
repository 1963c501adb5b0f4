package peers

import (
	"math"
	"testing"

	"github.com/stagger-dev/stagger"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-4*max(math.Abs(want), 1) {
		t.Errorf("%s is %g, want %g", what, got, want)
	}
}

// The values were worked out by hand, in the comments.
func TestProportions(t *testing.T) {
	s := Sample{Baseline: Side{Requests: 1000, Failed: 10}, Candidate: Side{Requests: 1000, Failed: 20}}
	// 0.01 / sqrt(0.015 x 0.985 x 2/1000) = 0.01 / 0.0054360
	near(t, "z", proportions(s), 1.83958)
	near(t, "the chance of more than 1.95996", upper(1.959964), 0.025)
	for _, nothing := range []Sample{{}, {Baseline: Side{Requests: 5}, Candidate: Side{Requests: 5}}, {Candidate: Side{Requests: 5, Failed: 1}}} {
		near(t, "z of nothing to compare", proportions(nothing), 0)
	}
}

func TestShift(t *testing.T) {
	upTo := func(from int) (out []float64) {
		for i := range 10 {
			out = append(out, float64(from+i))
		}
		return out
	}
	// 100 differences 1 to 19, of which v occurs 10 - |v-10| times. The spread is
	// sqrt(100/12 x 21) = 13.229, so the end of the interval has the rank
	// ceil(50 - 0.5 - 2.3263 x 13.229) = ceil(18.72) = 19, where the difference is
	// 6: there are 15 up to 5, and 21 up to 6.
	low, estimate := shift(upTo(1), upTo(11))
	near(t, "the lower end", low, 6)
	near(t, "the estimate", estimate, 10)
	near(t, "the spread", spread(upTo(1), upTo(11)), 13.22876)
	// 2^3 - 2 + 3^3 - 3
	near(t, "the ties", ties([]float64{2, 1, 2, 1, 2}), 30)
	near(t, "the ties of one", ties([]float64{7}), 0)
}

func TestHigh(t *testing.T) {
	base := []float64{1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98, 1.07, 0.93, 1.01}
	var little, often []float64
	for i, v := range base {
		little = append(little, v+0.5)
		if i < 7 {
			v *= 100
		}
		often = append(often, v)
	}
	for _, row := range []struct {
		what      string
		candidate []float64
		want      bool
	}{
		{"no points", nil, false},
		{"the same series", base, false},
		{"a shift that is small and steady", little, true},
		// Of 100 differences 30 are near zero, and the end of the interval has
		// rank 19: what spinnaker/spinnaker issue 6278 is about.
		{"seven of ten points at a hundred times", often, false},
	} {
		if got := High(base, row.candidate); got != row.want {
			t.Errorf("%s is high: %t", row.what, got)
		}
	}
}

func TestRanks(t *testing.T) {
	of := func(zero uint64, counts ...uint64) stagger.Histogram {
		h := stagger.Histogram{Zero: zero}
		for i, n := range counts {
			if n > 0 {
				h.Buckets = append(h.Buckets, stagger.Bucket{Index: int32(i), Count: n})
			}
		}
		return h
	}
	// Each 2 of the candidate beats two and ties one, 2.5; its 3 beats three: 8 of
	// 9, where 4.5 are expected. Ties of 2, 3 and 1 take 30/30 off 7: the variance
	// is 9/12 x 6 = 4.5.
	near(t, "z", ranks(of(0, 2, 1), of(0, 0, 2, 1)), 3.5/math.Sqrt(4.5))
	near(t, "z the other way", ranks(of(0, 0, 2, 1), of(0, 2, 1)), -3.5/math.Sqrt(4.5))
	near(t, "z with zeros in place of the first bucket", ranks(of(2, 1), of(0, 2, 1)), 3.5/math.Sqrt(4.5))
	near(t, "z of nothing", ranks(of(0), of(0, 1)), 0)
	near(t, "z of equal durations", ranks(of(0, 3), of(0, 3)), 0)
	// Longer ones of the baseline count, too: two of four pairs are won.
	near(t, "z of one between", ranks(of(0, 1, 0, 1), of(0, 0, 1)), 0)
}

func TestBetaBinomial(t *testing.T) {
	// With a uniform prior three hits of three have the chance 1/4, by the binomial
	// 1/8.
	near(t, "the e-value", math.Exp(betaBinomial(3, 0, 0.5, 2)), 2)
	// One of two: B(2,2) = 1/6 against 1/4.
	near(t, "the e-value", math.Exp(betaBinomial(1, 1, 0.5, 2)), 2.0/3)
	b := NewBetaBinomial(0.01, 2)
	three := Sample{Share: 0.5, Candidate: Side{Requests: 3, Failed: 3}, Baseline: Side{Requests: 3}}
	b.Observe(three)
	three.Share = 0.25 // a new stage: the product goes on
	b.Observe(three)
	// Beta(0.5, 1.5): (0.5 x 1.5 x 2.5) / (2 x 3 x 4) against 1/64.
	near(t, "the product", math.Exp(b.log+b.now()), 2*64*1.875/24)
}
