package upstream

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/balance"
)

// view is what requests know of a pool. It is never changed.
type view struct {
	all   []*Endpoint
	among []*Endpoint // who gets requests
	well  bool        // they passed their probes

	balance stagger.Balance
	weights []uint64 // of those among whom one is chosen
	total   uint64   // of the weights
	draws   balance.Draws
	turns   []uint16
	ring    *balance.Ring
}

// Picked says how it went with picking an endpoint.
type Picked uint8

// How it went.
const (
	Well     Picked = iota // it passed its probes
	Doubtful               // it did not, and neither did any other: the probes may be wrong
	Full                   // every endpoint has all the requests it may have
	None                   // there are no endpoints
)

// Pick chooses an endpoint for a subject, a place on the line of 2^64, and
// counts the request to it, until Release. It is nil for Full and None.
func (p *Pool) Pick(subject uint64) (*Endpoint, Picked) { return p.PickOther(subject, nil) }

// PickOther is Pick for one more attempt, or where the first choice will not do:
// it passes over endpoints that refuse, unless nil, tells of. None says there is
// no other.
func (p *Pool) PickOther(subject uint64, refuse func(*Endpoint) bool) (*Endpoint, Picked) {
	v := p.view.Load()
	n := len(v.among)
	if n == 0 {
		return nil, None
	}
	how := Well
	if !v.well {
		how = Doubtful
	}
	at := 0
	if n > 1 {
		at = v.choose(subject, &p.turn)
	}
	if e := v.among[at]; (refuse == nil || !refuse(e)) && e.take() {
		return e, how
	}
	return v.another(at, refuse, how)
}

// another takes the least busy one but that at a place.
func (v *view) another(but int, refuse func(*Endpoint) bool, how Picked) (*Endpoint, Picked) {
	failed := Full
	if refuse != nil {
		failed = None
	}
	// Somebody may take the last room of the one found; then there is a next.
	for range v.among {
		var best *Endpoint
		for i, e := range v.among {
			switch {
			case i == but, refuse != nil && refuse(e):
			case e.full():
				failed = Full
			case best == nil || e.inFlight.Load() < best.inFlight.Load():
				best = e
			}
		}
		if best == nil {
			return nil, failed
		}
		if best.take() {
			return best, how
		}
	}
	return nil, Full
}

// choose returns a place among two or more.
func (v *view) choose(subject uint64, turn *atomic.Uint64) int {
	switch v.balance {
	case stagger.RoundRobin:
		return int(v.turns[(turn.Add(1)-1)%uint64(len(v.turns))])
	case stagger.RingHash:
		return v.onRing(subject)
	case stagger.LeastRequest:
	}
	chance := rand.Uint64() // one is enough for two: places are few
	i, k := v.draws.Two(chance, bits.RotateLeft64(chance, 32))
	return v.draws.Freer(i, k, v.among[i].inFlight.Load(), v.among[k].inFlight.Load())
}

// onRing is the subject's own endpoint, but for one that has much more than its
// share.
func (v *view) onRing(subject uint64) int {
	all := int64(0)
	for _, e := range v.among {
		all += e.inFlight.Load()
	}
	return v.ring.Find(subject, func(i int) bool {
		e := v.among[i]
		return e.full() || e.inFlight.Load() >= balance.Bound(all, float64(v.weights[i])/float64(v.total))
	})
}

// refresh makes another view. Those who pass their probes and are not left out
// get the requests; if there are none, those who pass their probes, as being
// left out is a judgement by comparison; if there are none, all, as the probes
// may be wrong. Of several priorities the first gets everything.
func (p *Pool) refresh(now time.Time) {
	v := &view{balance: p.spec.balance, well: true}
	var fit, well []*member
	for _, m := range p.members {
		v.all = append(v.all, m.endpoint)
		if m.well {
			well = append(well, m)
			if !p.isOut(m.endpoint) {
				fit = append(fit, m)
			}
		}
	}
	switch {
	case len(fit) > 0:
	case len(well) > 0:
		fit = well
	default:
		fit, v.well = p.members, false
	}
	for _, m := range first(fit) {
		v.among = append(v.among, m.endpoint)
		weight := max(1, uint64(float64(m.weight)*balance.Warmth(m.warm, now, p.spec.slowStart)))
		v.weights, v.total = append(v.weights, weight), v.total+weight
	}
	v.prepare()
	p.view.Store(v)
}

// first returns the members of the first priority.
func first(members []*member) []*member {
	if len(members) == 0 {
		return nil
	}
	best := slices.MinFunc(members, func(a, b *member) int { return int(a.priority) - int(b.priority) }).priority
	return slices.DeleteFunc(slices.Clone(members), func(m *member) bool { return m.priority != best })
}

// prepare lays out what choosing needs.
func (v *view) prepare() {
	if len(v.among) < 2 {
		return
	}
	switch v.balance {
	case stagger.RoundRobin:
		v.turns = balance.Turns(v.weights)
	case stagger.RingHash:
		names := make([]string, 0, len(v.among))
		for _, e := range v.among {
			names = append(names, e.Address())
		}
		v.ring = balance.NewRing(names, v.weights)
	case stagger.LeastRequest:
		v.draws = balance.NewDraws(v.weights)
	}
}
