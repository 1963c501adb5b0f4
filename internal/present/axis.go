package present

import (
	"math"

	"github.com/stagger-dev/stagger"
)

// axisUnits is how many times the tolerance, counted in logarithms, the axis
// reaches to either side of "the same".
const axisUnits = 3

// Axis is where a finding stands on a logarithmic axis from 0, much better, to
// 1, much worse. "The same" is in the middle and the tolerance always at
// AxisLimit, so that findings of different tolerance read alike: how far they
// are from what is tolerated.
type Axis struct {
	// Known says whether there is anything to draw.
	Known     bool
	Low, High float64
	Estimate  float64
	// Below and Above say that the interval goes on beyond the ends.
	Below, Above bool
}

// AxisSame and AxisLimit are the places of "as the baseline" and of the
// tolerance on every Axis.
const (
	AxisSame  = 0.5
	AxisLimit = 0.5 + 0.5/axisUnits
)

// AxisOf places the interval of f.
func AxisOf(f stagger.Finding) Axis {
	if f.Low <= 0 && f.High <= 0 {
		return Axis{} // nothing is excluded, so nothing is known
	}
	unit := math.Log(f.Tolerance)
	if !(unit > 1e-6) || math.IsInf(unit, 0) {
		unit = math.Log(1.5)
	}
	place := func(ratio float64) float64 { return AxisSame + 0.5*math.Log(ratio)/(axisUnits*unit) }
	a := Axis{Known: true, Low: math.Inf(-1), High: math.Inf(1)}
	if f.Low > 0 {
		a.Low = place(f.Low)
	}
	if f.High > 0 {
		a.High = place(f.High)
	}
	a.Estimate = (clamp(a.Low) + clamp(a.High)) / 2
	if f.Estimate > 0 {
		a.Estimate = clamp(place(f.Estimate))
	}
	a.Below, a.Above = a.Low < 0, a.High > 1
	a.Low, a.High = clamp(a.Low), clamp(a.High)
	return a
}

// Estimate writes the ratio of a finding, Unknown while nothing is known.
func Estimate(f stagger.Finding) string {
	if !AxisOf(f).Known {
		return Unknown
	}
	return Ratio(f.Estimate)
}

func clamp(x float64) float64 { return min(max(x, 0), 1) }

// Evidence bounds evidence to what a bar can show: 0 nothing, 1 enough to act
// on.
func Evidence(e float64) float64 {
	if math.IsNaN(e) {
		return 0
	}
	return clamp(e)
}
