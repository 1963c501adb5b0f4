package sequential

import "math"

// Tilts is the doubling grid on which every test bets, with equal weights. A
// bet that is off by a factor s earns 2s - s^2 of the best growth, so between
// two points at most 11 % is lost.
var Tilts = [...]float64{1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2, 1, 2, 4}

// HealthyTilts is the grid of the reverse bets, that harm beyond a margin is
// not there. They are negative when used.
var HealthyTilts = [...]float64{1.0 / 8, 1.0 / 4, 1.0 / 2, 1, 2}

// LogMeanExp returns log(mean of exp(v)), without overflow; -Inf of nothing.
func LogMeanExp(v []float64) float64 {
	if len(v) == 0 {
		return math.Inf(-1)
	}
	most := v[0]
	for _, x := range v {
		most = max(most, x)
	}
	sum := 0.0
	for _, x := range v {
		sum += math.Exp(x - most)
	}
	return most + math.Log(sum/float64(len(v)))
}
