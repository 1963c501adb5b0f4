package balance

import "time"

// leastWarmth is what an endpoint gets at once: without any requests it would
// not become warm.
const leastWarmth = 0.1

// Warmth is the share of its weight that an endpoint gets that came back at a
// moment and is to be at its full weight a while later: it grows linearly.
func Warmth(since, now time.Time, over time.Duration) float64 {
	passed := now.Sub(since)
	if over <= 0 || passed >= over {
		return 1
	}
	return max(leastWarmth, float64(passed)/float64(over))
}
