package sequential

import (
	"encoding/json"
	"fmt"
	"slices"
)

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
// value without pointers and may be kept as JSON.
type Process struct {
	tokens int
	// at has the evidence at the start of the block, by tokens left; current
	// the evidence with this block counted; skipped with this block erased.
	// Without tokens there is one path, and current[0] is all there is.
	at, current, skipped [MaxTokens + 1]float64
}

// MaxTokens is the most blocks that a process can forgive at once.
const MaxTokens = 2

// NewProcess returns a process that forgives up to tokens blocks at once, but
// no more than MaxTokens.
func NewProcess(tokens int) Process {
	p := Process{tokens: min(max(tokens, 0), MaxTokens)}
	for r := range p.tokens {
		p.at[r] = Barred // no token is spent yet
	}
	p.begin()
	return p
}

// begin starts a block from At.
func (p *Process) begin() {
	p.current, p.skipped = p.at, p.at
}

// Observe takes in the e-value of one tick, and the mass that starts in it.
func (p *Process) Observe(e, mass float64) {
	if p.tokens == 0 {
		p.current[0] = min(e*(p.current[0]+mass), Most)
		return
	}
	for r := range p.tokens + 1 {
		p.current[r] = bounded(e * (p.current[r] + mass))
		p.skipped[r] = bounded(p.skipped[r] + mass)
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
	if p.tokens == 0 {
		return p.current[0]
	}
	least := Barred
	for r := range p.tokens + 1 {
		least = min(least, p.value(r))
	}
	return least
}

// value is the evidence with r tokens left: this block counted, or erased with
// the token that r+1 had.
func (p *Process) value(r int) float64 {
	if r < p.tokens {
		return min(p.current[r], p.skipped[r+1])
	}
	return p.current[r]
}

// EndBlock ends the block and begins the next.
func (p *Process) EndBlock() {
	if p.tokens == 0 {
		return
	}
	for r := range p.tokens + 1 {
		p.at[r] = p.value(r)
	}
	p.begin()
}

// Refill gives one token back. It goes between two blocks.
func (p *Process) Refill() {
	most := p.tokens
	if most == 0 {
		return
	}
	p.at[most] = min(p.at[most], p.at[most-1])
	for r := most - 1; r > 0; r-- {
		p.at[r] = p.at[r-1]
	}
	p.at[0] = Barred
	p.begin()
}

// Clear forgets the evidence so far. It only ever lowers the value, so the
// guarantee stays.
func (p *Process) Clear() {
	for r := range p.tokens + 1 {
		p.at[r], p.current[r], p.skipped[r] = min(p.at[r], 0), min(p.current[r], 0), min(p.skipped[r], 0)
	}
}

// MarshalJSON writes the paths in one list: one number without tokens, and
// otherwise the evidence at the start of the block, with it counted, and with it
// erased, each by tokens left.
func (p Process) MarshalJSON() ([]byte, error) {
	if p.tokens == 0 {
		return json.Marshal(p.current[:1])
	}
	n := p.tokens + 1
	return json.Marshal(slices.Concat(p.at[:n], p.current[:n], p.skipped[:n]))
}

// UnmarshalJSON reads what MarshalJSON wrote. The error says that the list has
// another length.
func (p *Process) UnmarshalJSON(data []byte) error {
	var paths []float64
	if err := json.Unmarshal(data, &paths); err != nil {
		return fmt.Errorf("read a process: %w", err)
	}
	if len(paths) == 1 {
		*p = Process{current: [MaxTokens + 1]float64{paths[0]}}
		return nil
	}
	n := len(paths) / 3
	if n < 2 || n > MaxTokens+1 || len(paths) != 3*n {
		return fmt.Errorf("read a process: a list of %d numbers is none; want 1, or 3 for each token and 3 more", len(paths))
	}
	*p = Process{tokens: n - 1}
	copy(p.at[:], paths[:n])
	copy(p.current[:], paths[n:2*n])
	copy(p.skipped[:], paths[2*n:])
	return nil
}

// Tokens is how many blocks the process forgives at once.
func (p *Process) Tokens() int { return p.tokens }
