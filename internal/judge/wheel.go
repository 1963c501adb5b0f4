package judge

import (
	"math"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// wheel is the placebo of a slot that counts failures: every group of the
// baseline's subjects begins a cut that plays the candidate, and the evidence is
// the mean over all cuts. A burst of one user strikes one cut or another at
// once, where a single cut would wait for its turn while the candidate is struck.
type wheel struct {
	Turns [stagger.Groups]turn `json:"turns"`
	// N and X are what each group met within the minute Number, for the rung
	// on which a minute has one vote.
	Number int64               `json:"number,omitempty"`
	N      [stagger.Groups]int `json:"n"`
	X      [stagger.Groups]int `json:"x"`
}

// turn is the evidence of one cut: R <- e (R + w) by tilt, against the ratio and
// against the floor.
type turn struct {
	Ratio [len(sequential.Tilts)]float64 `json:"ratio"`
	Floor [len(sequential.Tilts)]float64 `json:"floor"`
}

// turns are the logarithms of e-values of one batch, by cut.
type turns struct {
	ratio, floor [stagger.Groups]logs
}

// observe takes in a batch in which so many groups play the candidate.
func (w *wheel) observe(s slot, l *ladder, b *batch, size int, mass float64) {
	var t turns
	if l.Rung == rungBlocks {
		w.vote(s, b, size, &t)
	} else {
		t.count(s, l.Rung, b, size)
	}
	power := l.exponent()
	for c := range w.Turns {
		grow(&w.Turns[c].Ratio, &t.ratio[c], power, mass)
		grow(&w.Turns[c].Floor, &t.floor[c], power, mass)
	}
}

// grow moves R by e-values to a power, without the bold bets where evidence is
// tempered.
func grow(r *[len(sequential.Tilts)]float64, l *logs, power, mass float64) {
	for i, tilt := range sequential.Tilts {
		e := 1.0
		if power >= 1 || tilt <= temperedMost {
			e = math.Exp(min(power*l[i], 500))
		}
		r[i] = min(e*(r[i]+mass), sequential.Most)
	}
}

// value is the evidence now: the mean over the cuts of the lesser form.
func (w *wheel) value() float64 {
	sum := 0.0
	for c := range w.Turns {
		ratio, floor := growth(w.Turns[c].Ratio), growth(w.Turns[c].Floor)
		sum += min(ratio.mean(), floor.mean())
	}
	return sum / stagger.Groups
}

func (w *wheel) clear() { *w = wheel{} }

// count compares every cut with the other groups, in each stratum.
func (t *turns) count(s slot, r rung, b *batch, size int) {
	var (
		count = s.counter(r)
		null  = math.Log(max(s.guardrail.Tolerance, 1))
		n, k  [stagger.Groups]int // of each cut, over all strata
	)
	for i := range b.Strata {
		base := &b.Strata[i].Arms[armBaseline]
		if !base.Grouped {
			continue
		}
		var requests, hits [stagger.Groups]int
		table := sequential.Table{}
		for g := range base.Groups {
			requests[g], hits[g] = count(&base.Groups[g])
			table.Total += requests[g]
			table.Outcomes += hits[g]
		}
		for c := range n {
			table.Candidate, table.Hits = window(&requests, c, size), window(&hits, c, size)
			n[c] += table.Candidate
			k[c] += table.Hits
			if !table.Empty() {
				t.ratio[c].multiply(table, null, sequential.Tilts[:], +1)
			}
		}
	}
	for c := range n {
		t.floor[c] = oneSample(k[c], n[c], s.guardrail.Floor, sequential.Tilts[:], +1)
	}
}

// window adds up so many groups from c on, around the wheel.
func window(of *[stagger.Groups]int, c, size int) int {
	sum := 0
	for g := range size {
		sum += of[(c+g)%stagger.Groups]
	}
	return sum
}

// vote gathers a minute, and lets it vote when it is over.
func (w *wheel) vote(s slot, b *batch, size int, t *turns) {
	if number := b.To.UnixNano() / int64(voteLength); number != w.Number {
		if w.Number != 0 {
			w.cast(s, size, t)
		}
		w.Number, w.N, w.X = number, [stagger.Groups]int{}, [stagger.Groups]int{}
	}
	count := s.counter(rungPlain)
	b.groups(func(g int, a *arm) {
		n, hits := count(a)
		w.N[g] += n
		w.X[g] += hits
	})
}

// cast is the vote of the minute in every cut.
func (w *wheel) cast(s slot, size int, t *turns) {
	total, hits := window(&w.N, 0, stagger.Groups), window(&w.X, 0, stagger.Groups)
	for c := range w.Turns {
		n, k := window(&w.N, c, size), window(&w.X, c, size)
		if n == 0 || n == total {
			continue
		}
		v := vote{Requests: [arms]int{total - n, n}, Failed: [arms]int{hits - k, k}}
		e := v.cast(s.guardrail)
		for i := range e.ratio {
			t.ratio[c][i], t.floor[c][i] = math.Log(e.ratio[i]), math.Log(e.floor[i])
		}
	}
}
