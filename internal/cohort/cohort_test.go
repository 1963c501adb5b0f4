package cohort_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cohort"
)

// weights draws every weight, the ends more often than chance would.
var weights = rapid.OneOf(
	rapid.Uint32Range(0, uint32(stagger.WeightFull)),
	rapid.SampledFrom([]uint32{0, 1, 999_999, 1_000_000}),
)

// seeds hold no zero byte; the separator would be ambiguous otherwise.
var seeds = rapid.StringMatching(`[^\x00]{0,40}`)

// TestKnownAnswers holds the vectors of ADR 0001. Whoever changes them moves
// every subject of every rollout that runs.
func TestKnownAnswers(t *testing.T) {
	for _, row := range []struct {
		seed, subject string
		point         uint64
		least         stagger.Weight // the least weight that takes the subject in
	}{
		{"", "", 0xfb164bd7b9b9b3dd, 980809},
		{"checkout-42", "user-1", 0xef40c2708d8e94fc, 934582},
		{"checkout-42", "user-2", 0x117a9f90c73a10cb, 68278},
		{"checkout-43", "user-1", 0x89601b79c3101b16, 536623},
		{"a", "b\x00c", 0xd98dbfc8cf2d5698, 849820},
		{"Größe", "日本", 0x0ee8c1e0a3fd669a, 58240},
		{"checkout-42", "203.0.113.7", 0x8d2e90554d587198, 551492},
		{"checkout-42", "user-31", 0xc85713195cac45a0, 782579},
	} {
		t.Run(fmt.Sprintf("%q %q", row.seed, row.subject), func(t *testing.T) {
			if got := cohort.Bucket(row.seed, row.subject); got != row.point {
				t.Errorf("Bucket = %#016x, want %#016x", got, row.point)
			}
			if !cohort.Member(row.seed, row.subject, row.least) {
				t.Errorf("not a member at %d ppm", row.least)
			}
			if cohort.Member(row.seed, row.subject, row.least-1) {
				t.Errorf("a member at %d ppm already", row.least-1)
			}
		})
	}
}

func TestWeightZeroIsNobodyAndFullIsEverybody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, subject := seeds.Draw(t, "seed"), rapid.String().Draw(t, "subject")
		if cohort.Member(seed, subject, stagger.WeightNone) {
			t.Fatal("a member of nobody")
		}
		if !cohort.Member(seed, subject, stagger.WeightFull) {
			t.Fatal("not a member of everybody")
		}
	})
}

func TestGrowingMovesNobodyBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed, subject := seeds.Draw(t, "seed"), rapid.String().Draw(t, "subject")
		a, b := stagger.Weight(weights.Draw(t, "a")), stagger.Weight(weights.Draw(t, "b"))
		small, large := min(a, b), max(a, b)
		if cohort.Member(seed, subject, small) && !cohort.Member(seed, subject, large) {
			t.Fatalf("a member at %v, not at %v", small, large)
		}
	})
}

func TestMembershipIsExact(t *testing.T) {
	million := big.NewInt(int64(stagger.WeightFull))
	rapid.Check(t, func(t *rapid.T) {
		seed, subject := seeds.Draw(t, "seed"), rapid.String().Draw(t, "subject")
		w := stagger.Weight(weights.Draw(t, "w"))
		left := new(big.Int).Mul(new(big.Int).SetUint64(cohort.Bucket(seed, subject)), million)
		right := new(big.Int).Lsh(big.NewInt(int64(w)), 64)
		if got, want := cohort.Member(seed, subject, w), left.Cmp(right) < 0; got != want {
			t.Fatalf("got %v, exact arithmetic says %v", got, want)
		}
	})
}

// TestSharesAreEven bounds the deviation at five standard deviations: a fair
// hash fails this less than once in a million runs, and the input is fixed.
func TestSharesAreEven(t *testing.T) {
	const subjects = 200_000
	for _, w := range []stagger.Weight{100, stagger.Percent(0.25), stagger.Percent(1), stagger.Percent(5), stagger.Percent(50), stagger.Percent(99)} {
		t.Run(w.String(), func(t *testing.T) {
			members := 0
			for i := range subjects {
				if cohort.Member("even", fmt.Sprintf("user-%d", i), w) {
					members++
				}
			}
			p := w.Share()
			bound := 5 * math.Sqrt(subjects*p*(1-p))
			if off := math.Abs(float64(members) - subjects*p); off > bound {
				t.Errorf("%d of %d are members, %.0f off; allowed are %.0f", members, subjects, off, bound)
			}
		})
	}
}

// TestANewSeedDrawsAnew checks independence: of the members under one seed,
// about the same share are members under another.
func TestANewSeedDrawsAnew(t *testing.T) {
	const subjects = 200_000
	w := stagger.Percent(10)
	first, both := 0, 0
	for i := range subjects {
		subject := fmt.Sprintf("user-%d", i)
		if !cohort.Member("one", subject, w) {
			continue
		}
		first++
		if cohort.Member("two", subject, w) {
			both++
		}
	}
	want := float64(first) * w.Share()
	bound := 5 * math.Sqrt(want*(1-w.Share()))
	if math.Abs(float64(both)-want) > bound {
		t.Errorf("%d of %d belong to both; independence allows %.0f +- %.0f", both, first, want, bound)
	}
}

func BenchmarkMember(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		cohort.Member("rollout-7", "user-4711-4711-4711", 50_000)
	}
}
