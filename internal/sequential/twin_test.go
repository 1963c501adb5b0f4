package sequential_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger/internal/sequential"
)

// slowLogM sums every term with exact binomial coefficients.
func slowLogM(t sequential.Table, tilt float64) float64 {
	sum := new(big.Float).SetPrec(200)
	for k := 0; k <= min(t.Outcomes, t.Candidate); k++ {
		if t.Candidate-k > t.Total-t.Outcomes {
			continue
		}
		ways := new(big.Int).Mul(
			new(big.Int).Binomial(int64(t.Outcomes), int64(k)),
			new(big.Int).Binomial(int64(t.Total-t.Outcomes), int64(t.Candidate-k)))
		term := new(big.Float).SetPrec(200).SetInt(ways)
		sum.Add(sum, term.Mul(term, big.NewFloat(math.Exp(tilt*float64(k)))))
	}
	all := new(big.Float).SetPrec(200).SetInt(new(big.Int).Binomial(int64(t.Total), int64(t.Candidate)))
	ratio, _ := sum.Quo(sum, all).Float64()
	return math.Log(ratio)
}

func drawTable(t *rapid.T) sequential.Table {
	total := rapid.IntRange(1, 120).Draw(t, "total")
	candidate := rapid.IntRange(0, total).Draw(t, "candidate")
	outcomes := rapid.IntRange(0, total).Draw(t, "outcomes")
	low, high := max(0, outcomes-(total-candidate)), min(outcomes, candidate)
	return sequential.Table{
		Total: total, Candidate: candidate, Outcomes: outcomes,
		Hits: rapid.IntRange(low, high).Draw(t, "hits"),
	}
}

func TestLogMIsTheSumOfAllTerms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := drawTable(t)
		tilt := rapid.Float64Range(-4, 4).Draw(t, "tilt")
		got, want := table.LogM(tilt), slowLogM(table, tilt)
		if math.Abs(got-want) > 1e-9*max(1, math.Abs(want)) {
			t.Fatalf("%+v at %g: got %.15g, want %.15g", table, tilt, got, want)
		}
	})
}

// TestConditionalEValuesAverageToOne checks the definition: over all hits,
// weighted as under the null, the e-value has expectation 1 at the null's edge.
func TestConditionalEValuesAverageToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := drawTable(t)
		null := rapid.Float64Range(-1, 1).Draw(t, "null")
		alternative := rapid.Float64Range(-3, 3).Draw(t, "alternative")
		mean := 0.0
		low := max(0, table.Outcomes-(table.Total-table.Candidate))
		for k := low; k <= min(table.Outcomes, table.Candidate); k++ {
			table.Hits = k
			mean += math.Exp(logWeight(table, null) + table.LogE(null, alternative))
		}
		if math.Abs(mean-1) > 1e-8 {
			t.Fatalf("expectation %.12g, want 1", mean)
		}
	})
}

// logWeight is the logarithm of the chance of the table's hits under an odds ratio.
func logWeight(t sequential.Table, tilt float64) float64 {
	ways := new(big.Int).Mul(
		new(big.Int).Binomial(int64(t.Outcomes), int64(t.Hits)),
		new(big.Int).Binomial(int64(t.Total-t.Outcomes), int64(t.Candidate-t.Hits)))
	all := new(big.Int).Binomial(int64(t.Total), int64(t.Candidate))
	share, _ := new(big.Float).Quo(new(big.Float).SetInt(ways), new(big.Float).SetInt(all)).Float64()
	return math.Log(share) + tilt*float64(t.Hits) - slowLogM(t, tilt)
}

// TestProcessErasesTheBestAllowedBlocks holds the token bucket against trying
// every set of erased blocks.
func TestProcessErasesTheBestAllowedBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			tokens = rapid.IntRange(0, sequential.MaxTokens).Draw(t, "tokens")
			refill = rapid.IntRange(0, 4).Draw(t, "refill")
			es     = rapid.SliceOfN(rapid.Float64Range(0, 6), 1, 9).Draw(t, "es")
			ws     = rapid.SliceOfN(rapid.Float64Range(0, 0.3), len(es), len(es)).Draw(t, "ws")
		)
		got := bucket(es, ws, tokens, refill)
		for n := range es {
			want := math.Inf(1)
			for set := range 1 << (n + 1) {
				if allowed(set, n+1, tokens, refill) {
					want = min(want, erased(es[:n+1], ws, set))
				}
			}
			if math.Abs(got[n]-want) > 1e-9*max(1, want) {
				t.Fatalf("after block %d: got %.12g, want %.12g", n, got[n], want)
			}
		}
	})
}

// allowed says whether erasing the blocks of set never lacks a token.
func allowed(set, blocks, tokens, refill int) bool {
	left := tokens
	for b := range blocks {
		if refill > 0 && b > 0 && b%refill == 0 {
			left = min(left+1, tokens)
		}
		if set>>b&1 == 1 {
			left--
		}
		if left < 0 {
			return false
		}
	}
	return true
}

// erased is the recursion with the blocks of set left out.
func erased(es, ws []float64, set int) float64 {
	r := 0.0
	for b, e := range es {
		r += ws[b]
		if set>>b&1 == 0 {
			r *= e
		}
	}
	return r
}
