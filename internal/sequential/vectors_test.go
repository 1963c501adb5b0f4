package sequential_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// vector is one row of testdata/vectors.json: published and independently
// computed values that these functions must reproduce.
type vector struct {
	ID        string          `json:"id"`
	Function  string          `json:"fn"`
	Params    json.RawMessage `json:"params"`
	Expect    json.RawMessage `json:"expect"`
	Tolerance float64         `json:"tol_rel"`
}

// functions says how to compute each vector.
var functions = map[string]func(*testing.T, vector) []float64{
	"beta_binomial_log_mixture": func(t *testing.T, v vector) []float64 {
		p := params[mixture](t, v)
		return one(p.build().LogValue(p.S, p.V))
	},
	"beta_binomial_mixture_bound": func(t *testing.T, v vector) []float64 {
		p := params[mixture](t, v)
		return one(p.build().Bound(p.V, p.Alpha))
	},
	"quantile_ab_p_value": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			A        string  `json:"a"`
			B        string  `json:"b"`
			Q        float64 `json:"quantile_p"`
			NOpt     float64 `json:"t_opt"`
			AlphaOpt float64 `json:"alpha_opt"`
		}](t, v)
		return one(sequential.QuantileABPValue(whole(t, p.A), whole(t, p.B), p.Q, p.NOpt, p.AlphaOpt))
	},
	"log2_bucket_index": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			Value float64 `json:"value"`
		}](t, v)
		i := histogram.Index(time.Duration(p.Value * float64(time.Second)))
		return []float64{float64(i), histogram.Upper(i), histogram.Upper(i - 1)}
	},
	"tolerance_to_bucket_shift": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			Delta float64 `json:"delta"`
		}](t, v)
		steps := histogram.Steps(p.Delta)
		return []float64{float64(steps), histogram.Upper(steps) - 1}
	},
	"bernoulli_confidence_interval": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			K     int     `json:"num_successes"`
			N     int     `json:"num_trials"`
			Alpha float64 `json:"alpha"`
			NOpt  float64 `json:"t_opt"`
		}](t, v)
		low, high := sequential.FractionInterval(p.K, p.N, p.Alpha, p.NOpt)
		return []float64{low, high}
	},
	"cond_log_mgf": func(t *testing.T, v vector) []float64 {
		p := params[conditional](t, v)
		return one(p.table().LogM(p.LogPsi))
	},
	"cond_log_e": func(t *testing.T, v vector) []float64 {
		p := params[conditional](t, v)
		return one(p.table().LogE(p.Null, p.Alternative))
	},
	"cond_mixture_e": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			Blocks [][4]int `json:"blocks"`
			Null   float64  `json:"log_psi0"`
		}](t, v)
		var logs []float64
		for _, tilt := range sequential.Tilts {
			sum := 0.0
			for _, b := range p.Blocks {
				table := sequential.Table{Total: b[0], Candidate: b[1], Outcomes: b[2], Hits: b[3]}
				sum += table.LogE(p.Null, p.Null+tilt)
			}
			logs = append(logs, sum)
		}
		return one(math.Exp(sequential.LogMeanExp(logs)))
	},
	"restart_sr": func(t *testing.T, v vector) []float64 {
		p := params[struct{ E, W []float64 }](t, v)
		process := sequential.NewProcess(0)
		var got []float64
		for i, e := range p.E {
			process.Observe(e, p.W[i])
			got = append(got, process.Value())
		}
		return got
	},
	"blip_token_bucket": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			E      []float64 `json:"block_e"`
			W      []float64 `json:"w"`
			Tokens int       `json:"tokens"`
			Refill int       `json:"refill_every_blocks"`
		}](t, v)
		return bucket(p.E, p.W, p.Tokens, p.Refill)
	},
	"bernoulli_tilt_log_e": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			N    int     `json:"n"`
			K    int     `json:"k"`
			P    float64 `json:"p0"`
			Tilt float64 `json:"log_tilt"`
		}](t, v)
		return one(sequential.TiltLogE(p.K, p.N, p.P, p.Tilt))
	},
	"quantile_cs_from_counts": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			Counts []int   `json:"bucket_counts"`
			P      float64 `json:"p"`
			Alpha  float64 `json:"alpha"`
			NOpt   float64 `json:"t_opt"`
		}](t, v)
		n := 0
		for _, c := range p.Counts {
			n += c
		}
		low, high := sequential.QuantileRadius(n, p.P, p.Alpha, p.NOpt)
		return []float64{low, high}
	},
	"normal_mixture_bound": func(t *testing.T, v vector) []float64 {
		p := params[mixture](t, v)
		return one(sequential.NormalMixtureBound(p.V, p.Alpha, p.VOpt, p.AlphaOpt, p.OneSided))
	},
	"normal_log_mixture": func(t *testing.T, v vector) []float64 {
		p := params[mixture](t, v)
		return one(sequential.NormalLogMixture(p.S, p.V, p.VOpt, p.AlphaOpt, p.OneSided))
	},
	"gamma_poisson_log_mixture": func(t *testing.T, v vector) []float64 {
		p := params[mixture](t, v)
		return one(sequential.GammaPoissonLogMixture(p.S, p.V, p.VOpt, p.C, p.AlphaOpt))
	},
	"gamma_exponential_log_mixture": func(t *testing.T, v vector) []float64 {
		p := params[mixture](t, v)
		return one(sequential.GammaExponentialLogMixture(p.S, p.V, p.VOpt, p.C, p.AlphaOpt))
	},
	"poly_stitching_bound": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			V, Alpha, C, S, Eta float64
			VMin                float64 `json:"v_min"`
		}](t, v)
		return one(sequential.PolyStitchingBound(p.V, p.Alpha, p.VMin, p.C, p.S, p.Eta))
	},
	"empirical_process_lil_bound": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			T, Alpha, A float64
			TMin        float64 `json:"t_min"`
		}](t, v)
		return one(sequential.EmpiricalLILBound(p.T, p.Alpha, p.TMin, p.A))
	},
	"double_stitching_bound": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			T, Alpha, Delta, S, Eta float64
			P                       float64 `json:"quantile_p"`
			TOpt                    float64 `json:"t_opt"`
		}](t, v)
		return one(sequential.DoubleStitchingBound(p.P, p.T, p.Alpha, p.TOpt, p.Delta, p.S, p.Eta))
	},
	"block_average_log_e": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			K, X int
			Q, C float64
			Null float64 `json:"log_psi0"`
		}](t, v)
		return one(sequential.BlockVoteLogE(p.K, p.X, p.Q, p.Null, p.C))
	},
	"cluster_log_e": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			Candidate []float64 `json:"canary_scores"`
			Baseline  []float64 `json:"baseline_scores"`
			Q         float64
			Tilt      float64 `json:"log_tilt"`
		}](t, v)
		return one(sequential.ClusterLogE(p.Candidate, p.Baseline, p.Q, p.Tilt))
	},
	"srm_mixture_e": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			N  int
			K  int `json:"n_canary"`
			Pi float64
		}](t, v)
		return one(sequential.SplitE(p.K, p.N, p.Pi))
	},
	"dirichlet_multinomial_log_e": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			Counts        []float64
			Concentration float64
			Shares        []float64 `json:"theta0"`
		}](t, v)
		return one(sequential.DirichletLogE(p.Counts, p.Shares, p.Concentration))
	},
	"bounded_bet_mixture": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			X         []float64
			Margin    float64
			Fractions []float64 `json:"lambda_fractions"`
		}](t, v)
		return one(sequential.BetWealth(p.X, p.Margin, p.Fractions))
	},
	"aa_dispersion": func(t *testing.T, v vector) []float64 {
		return one(sequential.Dispersion(params[struct{ Blocks [][]float64 }](t, v).Blocks))
	},
	"two_sample_limit_requests": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			P0    float64 `json:"p_baseline"`
			P1    float64 `json:"p_canary"`
			Pi    float64
			Alpha float64
		}](t, v)
		limit := sequential.InformationLimit(p.P0, p.P1, p.Pi, p.Alpha)
		return []float64{limit.Information, limit.Requests, limit.Known}
	},
	"e_bh": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			E     []float64
			Alpha float64
		}](t, v)
		var got []float64
		for _, i := range sequential.EBH(p.E, p.Alpha) {
			got = append(got, float64(i))
		}
		return got
	},
	"asymptotic_cs_halfwidth": func(t *testing.T, v vector) []float64 {
		p := params[struct {
			Variance, N, Alpha float64
			NOpt               float64 `json:"n_opt"`
			TwoSided           bool    `json:"two_sided"`
		}](t, v)
		return one(sequential.AsymptoticHalfWidth(p.Variance, p.N, p.NOpt, p.Alpha, p.TwoSided))
	},
}

type mixture struct {
	S, V, C, Alpha, G, H float64
	VOpt                 float64 `json:"v_opt"`
	AlphaOpt             float64 `json:"alpha_opt"`
	OneSided             bool    `json:"is_one_sided"`
}

func (m mixture) build() sequential.BetaBinomial {
	return sequential.NewBetaBinomial(m.VOpt, m.AlphaOpt, m.G, m.H, m.OneSided)
}

type conditional struct {
	Total       int     `json:"N"`
	Candidate   int     `json:"n_canary"`
	Outcomes    int     `json:"x_total"`
	Hits        int     `json:"k_canary"`
	LogPsi      float64 `json:"log_psi"`
	Null        float64 `json:"log_psi0"`
	Alternative float64 `json:"log_psi1"`
}

func (c conditional) table() sequential.Table {
	return sequential.Table{Total: c.Total, Candidate: c.Candidate, Outcomes: c.Outcomes, Hits: c.Hits}
}

func TestVectors(t *testing.T) {
	all := vectors(t)
	if len(all) != 45 {
		t.Errorf("%d vectors", len(all))
	}
	for _, v := range all {
		compute, ok := functions[v.Function]
		if !ok {
			t.Errorf("%s: nothing computes %s", v.ID, v.Function)
			continue
		}
		t.Run(v.ID+" "+v.Function, func(t *testing.T) {
			got, want := compute(t, v), expected(t, v)
			if len(got) != len(want) {
				t.Fatalf("got %v, want %v", got, want)
			}
			for i := range got {
				if math.Abs(got[i]-want[i]) > v.Tolerance*max(1e-12, math.Abs(want[i])) {
					t.Errorf("value %d: got %.15g, want %.15g", i, got[i], want[i])
				}
			}
		})
	}
}

func vectors(t *testing.T) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Vectors
}

// expected reads the wanted values: a number, a list, or the named ends of an
// interval.
func expected(t *testing.T, v vector) []float64 {
	t.Helper()
	var number float64
	if json.Unmarshal(v.Expect, &number) == nil {
		return one(number)
	}
	var list []float64
	if json.Unmarshal(v.Expect, &list) == nil {
		return list
	}
	var rejected struct{ Rejected []float64 }
	if json.Unmarshal(v.Expect, &rejected) == nil && rejected.Rejected != nil {
		return rejected.Rejected
	}
	var ends map[string]float64
	if err := json.Unmarshal(v.Expect, &ends); err != nil {
		t.Fatal(err)
	}
	if low, ok := ends["lower_radius"]; ok {
		return []float64{low, ends["upper_radius"]}
	}
	if information, ok := ends["mutual_information_nats"]; ok {
		return []float64{information, ends["total_requests"], ends["known_baseline_canary_requests"]}
	}
	if index, ok := ends["index"]; ok {
		return []float64{index, ends["upper_edge"], ends["lower_edge"]}
	}
	if buckets, ok := ends["buckets"]; ok {
		return []float64{buckets, ends["effective_delta"]}
	}
	return []float64{ends["lower"], ends["upper"]}
}

// whole lists the whole numbers of a range such as "1..1000".
func whole(t *testing.T, text string) []float64 {
	t.Helper()
	var first, last int
	if _, err := fmt.Sscanf(text, "%d..%d", &first, &last); err != nil {
		t.Fatal(err)
	}
	var out []float64
	for n := first; n <= last; n++ {
		out = append(out, float64(n))
	}
	return out
}

func params[T any](t *testing.T, v vector) T {
	t.Helper()
	var p T
	if err := json.Unmarshal(v.Params, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func one(v float64) []float64 { return []float64{v} }

// bucket feeds one e-value a block.
func bucket(es, ws []float64, tokens, refill int) []float64 {
	process := sequential.NewProcess(tokens)
	var got []float64
	for i, e := range es {
		if i > 0 {
			process.EndBlock()
		}
		if refill > 0 && i > 0 && i%refill == 0 {
			process.Refill()
		}
		process.Observe(e, ws[i])
		got = append(got, process.Value())
	}
	return got
}
