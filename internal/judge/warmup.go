package judge

import (
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// A candidate that has just started is slow and fails more: caches are cold, code
// is not compiled, connections are not made. The allowance says by how much, as a
// function of age alone, which is known before the requests it is applied to, so
// every test stays what it is. It is never read off the data.
const (
	warmOdds    = 2.0  // added to the tolerated ratio at age 0
	warmBuckets = 12.0 // added to the tolerated latency, in buckets of 2.2 %
	// mostHosts is how many of the candidate's hosts are told apart.
	mostHosts = 64
)

// youth is how young the candidate is: since when its youngest host meets
// requests.
type youth struct {
	Since time.Time `json:"since,omitzero"`
	Hosts []string  `json:"hosts,omitempty"` // seen so far
}

// meet takes in who met the requests of the candidate, before these are judged.
func (y *youth) meet(o *stagger.Observation) {
	if o.Started == 0 {
		return
	}
	if y.Since.IsZero() {
		y.Since = o.From
	}
	for i := range o.Hosts {
		h := &o.Hosts[i]
		if h.Started > 0 && len(y.Hosts) < mostHosts && !slices.Contains(y.Hosts, h.Name) {
			y.Hosts = append(y.Hosts, h.Name)
			y.Since = o.From
		}
	}
}

// left is what is left of the allowance at a time: 1 at birth, half of it after
// each half-life, 0 where there is none.
func (y *youth) left(at time.Time, halfLife time.Duration) float64 {
	if halfLife <= 0 {
		return 0
	}
	if y.Since.IsZero() {
		return 1
	}
	left := math.Exp2(-max(at.Sub(y.Since), 0).Seconds() / halfLife.Seconds())
	if left < 0.01 {
		return 0
	}
	return left
}
