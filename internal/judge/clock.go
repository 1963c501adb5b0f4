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
	Begun    int           `json:"begun"`    // stages that were given their mass
	Due      float64       `json:"due"`      // mass given and not handed out yet
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

// The starting mass of a life, 1 in all.
const (
	massStages = 0.5 // when stages begin: harm shows with the first requests, as a rule
	massMean   = 0.4 // evenly over the planned time
	massAfter  = 0.1 // over all time after it
)

// beginStage gives the next of so many stages its mass: the first half of what
// there is for stages, the others together the other half. More stages than
// were planned get none.
func (c *clock) beginStage(stages int) {
	switch {
	case c.Begun >= max(stages, 1):
		return
	case stages <= 1:
		c.Due += massStages
	case c.Begun == 0:
		c.Due += massStages / 2
	default:
		c.Due += massStages / 2 / float64(stages-1)
	}
	c.Begun++
}

// mass is the starting mass that a batch of length d receives.
func (c *clock) mass(d, planned time.Duration) float64 {
	before := c.Elapsed
	c.Elapsed += d
	mass := spent(c.Elapsed, planned) - spent(before, planned) + c.Due
	c.Due = 0
	return mass
}

// spent is the mass that is handed out until t beside that of stages.
func spent(t, planned time.Duration) float64 {
	if t <= planned {
		return massMean * float64(t) / float64(planned)
	}
	return massMean + massAfter*(1-float64(planned)/float64(t))
}

// refill says whether a token comes back, given the candidate's requests so far.
func (c *clock) refill(requests uint64) bool {
	if c.Elapsed-c.Refilled < refillAfter || requests-c.Requests < refillRequests {
		return false
	}
	c.Refilled, c.Requests = c.Elapsed, requests
	return true
}
