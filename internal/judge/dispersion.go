package judge

import (
	"time"

	"github.com/stagger-dev/stagger"
)

// Requests that depend on each other, such as one user's retries or all that a
// pause delays, come in clumps: counts vary more than those of independent
// requests would. Dispersion is that factor, measured on the baseline alone, so
// that a regression cannot hide behind it.
//
// Two views are taken. Between groups of subjects within a block: what strikes
// some users and not others. Between successive blocks: what strikes a whole
// version for a moment; only for latency, where it is the rule, and bounded, so
// that one incident does not blunt the test for long.
var spans = [...]time.Duration{time.Second, 10 * time.Second, time.Minute}

const (
	// priorBlocks is how many blocks without any dependence are taken as seen.
	priorBlocks = 6
	priorSwings = 60
	// mostSwing bounds what one pair of blocks can say.
	mostSwing = 40
	// fadeBlocks is the half-life of what was seen, in blocks.
	fadeBlocks = 600
)

// dispersion measures one slot.
type dispersion struct {
	Blocks [len(spans)]block `json:"blocks"`
	Swings bool              `json:"swings,omitempty"` // look between blocks, too
}

// block gathers outcomes of one length of time and compares them when it is
// full.
type block struct {
	Number  int64                   `json:"number"` // since the epoch
	N       [stagger.Groups]float64 `json:"n"`
	X       [stagger.Groups]float64 `json:"x"`
	Last    [2]float64              `json:"last"` // requests and outcomes of the block before
	Between ratio                   `json:"between"`
	Along   ratio                   `json:"along"`
}

// ratio is a variance over the variance of independent requests.
type ratio struct {
	Seen     float64 `json:"seen"`
	Expected float64 `json:"expected"`
	Blocks   float64 `json:"blocks"`
}

// add takes in one block and lets older ones fade.
func (r *ratio) add(seen, expected float64) {
	const keep = 1 - 0.69/fadeBlocks
	r.Seen, r.Expected, r.Blocks = keep*r.Seen+seen, keep*r.Expected+expected, keep*r.Blocks+1
}

// value is the ratio, drawn towards 1 by prior blocks.
func (r *ratio) value(prior float64) float64 {
	if r.Expected <= 0 || r.Blocks == 0 {
		return 1
	}
	assumed := prior * r.Expected / r.Blocks
	return (r.Seen + assumed) / (r.Expected + assumed)
}

// observe takes in what each group of the baseline met in a batch.
func (d *dispersion) observe(at time.Time, n, x *[stagger.Groups]float64) {
	for i := range d.Blocks {
		d.Blocks[i].gather(at, spans[i], d.Swings && i < len(spans)-1, n, x)
	}
}

// gather takes in what each group met, and compares them when a block of length
// span is over.
func (b *block) gather(at time.Time, span time.Duration, swings bool, n, x *[stagger.Groups]float64) {
	if number := at.UnixNano() / int64(span); number != b.Number {
		b.close(swings)
		b.Number = number
	}
	for g := range n {
		b.N[g] += n[g]
		b.X[g] += x[g]
	}
}

// close compares what was gathered and begins anew.
func (b *block) close(swings bool) {
	n, x := total(&b.N), total(&b.X)
	if n > 1 && x > 0 && x < n {
		b.between(n, x)
	}
	if swings {
		b.along(n, x)
	}
	b.Last = [2]float64{n, x}
	clear(b.N[:])
	clear(b.X[:])
}

// between compares the groups with their common share: the sum of squared
// deviations over its expectation for independent requests.
func (b *block) between(n, x float64) {
	p := x / n
	seen, expected := 0.0, 0.0
	for g := range b.N {
		d := b.X[g] - b.N[g]*p
		seen += d * d
		expected += b.N[g] * (1 - b.N[g]/n)
	}
	b.Between.add(seen, expected*p*(1-p)*n/(n-1))
}

// along compares the block with the one before it.
func (b *block) along(n, x float64) {
	m, y := b.Last[0], b.Last[1]
	if n == 0 || m == 0 || x+y == 0 || x+y == n+m {
		return
	}
	p := (x + y) / (n + m)
	d := x/n - y/m
	b.Along.add(min(d*d/(1/n+1/m), mostSwing*p*(1-p)), p*(1-p))
}

func total(v *[stagger.Groups]float64) float64 {
	sum := 0.0
	for _, n := range v {
		sum += n
	}
	return sum
}

// value is the dispersion, 1 or more.
func (d *dispersion) value() float64 {
	most := 1.0
	for i := range d.Blocks {
		most = max(most, d.Blocks[i].Between.value(priorBlocks), d.Blocks[i].Along.value(priorSwings))
	}
	return most
}
