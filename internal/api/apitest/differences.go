package apitest

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// Differences are what was found in the mirrored requests of any rollout.
func Differences(rollout string) (stagger.Differences, bool) {
	at := Epoch.Add(time.Minute)
	return stagger.Differences{
		Rollout: rollout, Since: Epoch, Mirrored: 1250, Failed: 3, P50: 0.0041, P99: 0.092,
		Dropped:  []stagger.Dropped{{Reason: "busy", N: 12}, {Reason: "large_request", N: 1}},
		Shadowed: stagger.Shadowed{Compared: 1240, Differing: 310, Pairs: 1240, Noisy: 2, OnlyCandidate: 309, OnlyBaseline: 1},
		Paths: []stagger.Difference{
			{
				Path: "$.order.lines[].price", Kind: stagger.DifferenceChanged, Finding: stagger.FoundDifference,
				Candidate: 310, CandidateRate: 0.248, Evidence: 1, First: Epoch, Last: at,
				Examples: []stagger.Example{{At: Epoch, Method: "GET", Target: "/orders/17", Baseline: "20", Candidate: "21"}},
			},
			{
				Path: "status", Kind: stagger.DifferenceMissing, Finding: stagger.FoundUnclear,
				Candidate: 3, CandidateRate: 0.0024, Evidence: 0.2, First: at, Last: at,
				Examples: []stagger.Example{{At: at, Method: "GET", Target: "/", Baseline: "200", Candidate: "no answer: timeout"}},
			},
			{
				Path: "$.served_at", Kind: stagger.DifferenceChanged, Finding: stagger.FoundNoise,
				Candidate: 1250, Noise: 1250, CandidateRate: 1, NoiseRate: 1, First: Epoch, Last: at, Examples: []stagger.Example{},
			},
		},
	}, true
}
