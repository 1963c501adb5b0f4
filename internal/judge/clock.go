package judge

import "time"

// The refill of the blip allowance: time and requests, both.
const (
	tokens         = 2
	refillAfter    = 10 * time.Minute
	refillRequests = 20_000
)

// clock tells processes what time does to them: it ends blocks, hands out
// starting mass and refills tokens.
type clock struct {
	Block    int64         `json:"block"`    // since the epoch; 0 before the first batch
	Elapsed  time.Duration `json:"elapsed"`  // judged so far
	Refilled time.Duration `json:"refilled"` // Elapsed at the last refill
	Requests uint64        `json:"requests"` // of the candidate at the last refill
}

func (c *clock) started() bool { return c.Block != 0 }

// blocksEnded returns how many blocks ended before at, at most one: blocks
// without a batch hold no evidence.
func (c *clock) blocksEnded(at time.Time) int {
	block := at.UnixNano() / int64(blockLength)
	ended := c.Block != 0 && block != c.Block
	c.Block = block
	if ended {
		return 1
	}
	return 0
}

// mass is the share of starting mass that a batch of length d receives: half
// at once, four tenths evenly over the planned time, and the last tenth over
// all time after it.
func (c *clock) mass(d, planned time.Duration) float64 {
	before := c.Elapsed
	c.Elapsed += d
	mass := spent(c.Elapsed, planned) - spent(before, planned)
	if before == 0 {
		mass += 0.5
	}
	return mass
}

// spent is the mass beyond the first half that is handed out until t.
func spent(t, planned time.Duration) float64 {
	if t <= planned {
		return 0.4 * float64(t) / float64(planned)
	}
	return 0.4 + 0.1*(1-float64(planned)/float64(t))
}

// refill says whether a token comes back, given the candidate's requests so far.
func (c *clock) refill(requests uint64) bool {
	if c.Elapsed-c.Refilled < refillAfter || requests-c.Requests < refillRequests {
		return false
	}
	c.Refilled, c.Requests = c.Elapsed, requests
	return true
}
