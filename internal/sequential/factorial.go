package sequential

import "math"

// factorials holds log n! for small n.
var factorials = func() []float64 {
	table := make([]float64, 1<<16)
	for n := 2; n < len(table); n++ {
		table[n] = table[n-1] + math.Log(float64(n))
	}
	return table
}()

// logFactorial returns log n! by table, and by Stirling's series above it,
// where the first three terms leave an error below 1e-17.
func logFactorial(n int) float64 {
	if n < len(factorials) {
		return factorials[n]
	}
	x := float64(n)
	return x*math.Log(x) - x + 0.5*math.Log(2*math.Pi*x) + 1/(12*x) - 1/(360*x*x*x)
}

// logChoose returns the logarithm of n over k, 0 <= k <= n.
func logChoose(n, k int) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}
