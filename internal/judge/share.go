package judge

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// shareTightest is at how many requests the bounds on a share are tightest. It is
// fixed beforehand, or they would not hold at all times at once.
const shareTightest = 5000

// shareWithin bounds the part of requests that were bad, at all times at once
// with confidence 1 - alpha. Requests that come in clumps count for as many
// fewer.
func (a *armTotal) shareWithin(s stagger.Signal, alpha, dispersion float64) (low, high float64) {
	bad, of := a.bad(s)
	if of == 0 {
		return 0, 0
	}
	fewer := max(dispersion, 1)
	return sequential.FractionInterval(int(float64(bad)/fewer), int(float64(of)/fewer), alpha, shareTightest)
}
