package sequential

// These bound the values of processes: beyond Most nothing is decided
// differently, and Barred marks a path that is not allowed.
const (
	Most   = 1e250
	Barred = 1e300
)

// Process is an e-process that can start at any time and forgives blips, after
// the Shiryaev-Roberts recursion R <- e (R + w) with a finite budget: the
// masses w add up to at most 1 over its life, so under the null R plus the
// mass not yet used is a nonnegative supermartingale that starts at 1 at most,
// and the chance that R ever reaches 1/alpha is at most alpha.
//
// Blips: time is cut into blocks, and the null allows blocks of arbitrary harm
// as long as they fit a bucket of tokens, one token a block. The value is the
// evidence left when the most favourable allowed set of blocks is erased: the
// path that erases exactly the blocks that were bad is among those minimised
// over, and along it the recursion is the supermartingale above.
//
// The zero Process has no tokens; NewProcess makes one that has. It is a plain
// value and may be kept as JSON.
type Process struct {
	// At has the evidence at the start of the block, by tokens left; Current
	// the evidence with this block counted; Skipped with this block erased.
	At      []float64 `json:"at"`
	Current []float64 `json:"current"`
	Skipped []float64 `json:"skipped"`
}

// NewProcess returns a process that forgives up to tokens blocks at once.
func NewProcess(tokens int) Process {
	p := Process{
		At:      make([]float64, tokens+1),
		Current: make([]float64, tokens+1),
		Skipped: make([]float64, tokens+1),
	}
	for r := range tokens {
		p.At[r] = Barred // no token is spent yet
	}
	p.begin()
	return p
}

// begin starts a block from At.
func (p *Process) begin() {
	copy(p.Current, p.At)
	copy(p.Skipped, p.At)
}

// Observe takes in the e-value of one tick, and the mass that starts in it.
func (p *Process) Observe(e, mass float64) {
	for r := range p.Current {
		p.Current[r] = bounded(e * (p.Current[r] + mass))
		p.Skipped[r] = bounded(p.Skipped[r] + mass)
	}
}

// bounded keeps barred paths barred and the rest below Most.
func bounded(v float64) float64 {
	if v >= Barred/1e20 {
		return Barred
	}
	return min(v, Most)
}

// Value returns the evidence now: the least over all allowed paths.
func (p *Process) Value() float64 {
	least := Barred
	for r := range p.Current {
		least = min(least, p.value(r))
	}
	return least
}

// value is the evidence with r tokens left: this block counted, or erased with
// the token that r+1 had.
func (p *Process) value(r int) float64 {
	if r+1 < len(p.Skipped) {
		return min(p.Current[r], p.Skipped[r+1])
	}
	return p.Current[r]
}

// EndBlock ends the block and begins the next.
func (p *Process) EndBlock() {
	for r := range p.At {
		p.At[r] = p.value(r)
	}
	p.begin()
}

// Refill gives one token back. It goes between two blocks.
func (p *Process) Refill() {
	most := len(p.At) - 1
	if most < 1 {
		return
	}
	p.At[most] = min(p.At[most], p.At[most-1])
	for r := most - 1; r > 0; r-- {
		p.At[r] = p.At[r-1]
	}
	p.At[0] = Barred
	p.begin()
}

// Clear forgets the evidence so far. It only ever lowers the value, so the
// guarantee stays.
func (p *Process) Clear() {
	for r := range p.Current {
		p.At[r], p.Current[r], p.Skipped[r] = min(p.At[r], 0), min(p.Current[r], 0), min(p.Skipped[r], 0)
	}
}
