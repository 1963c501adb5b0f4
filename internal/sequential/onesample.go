package sequential

import "math"

// TiltLogE returns the logarithm of the one-sample e-value of k outcomes among
// n for the null that each has the outcome with probability at most p:
//
//	log e = k tilt - n log(1 - p + p exp(tilt)),  tilt > 0,
//
// exact for independent outcomes, whatever their probabilities below p. With a
// negative tilt the null is "at least p".
func TiltLogE(k, n int, p, tilt float64) float64 {
	return float64(k)*tilt - float64(n)*math.Log1p(p*math.Expm1(tilt))
}
