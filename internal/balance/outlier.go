package balance

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// Outliers knows which endpoints are left out for a while because they fail,
// by the judgement of the requests that met them. K names an endpoint.
//
// Invariants: of the endpoints there are never more left out than the rule's
// share, and never the last that is well.
type Outliers[K comparable] struct {
	rule  stagger.Outlier
	known map[K]*record
}

// record is the past of one endpoint.
type record struct {
	out    bool
	until  time.Time
	times  int // how often, forgiven one by one
	reason string
}

// NewOutliers returns a judge under a rule whose values are all there.
func NewOutliers[K comparable](rule stagger.Outlier) *Outliers[K] {
	return &Outliers[K]{rule: rule, known: make(map[K]*record)}
}

// Out says whether an endpoint is left out, until when and why.
func (o *Outliers[K]) Out(k K) (until time.Time, reason string, out bool) {
	r, ok := o.known[k]
	if !ok || !r.out {
		return time.Time{}, "", false
	}
	return r.until, r.reason, true
}

// Eject leaves an endpoint out, if it is well and that leaves enough: each time
// for longer. Well are those that pass their probes, of total that there are.
func (o *Outliers[K]) Eject(now time.Time, k K, reason string, well []K, total int) bool {
	left := 0
	for _, one := range well {
		if _, _, out := o.Out(one); !out {
			left++
		}
	}
	if _, _, out := o.Out(k); out || !slices.Contains(well, k) || left < 2 || o.count()+1 > o.most(total) {
		return false
	}
	r := o.known[k]
	if r == nil {
		r = &record{}
		o.known[k] = r
	}
	r.times++
	r.out, r.reason, r.until = true, reason, now.Add(o.term(r.times))
	return true
}

// term is how long somebody is left out for the nth time.
func (o *Outliers[K]) term(n int) time.Duration {
	most := max(o.rule.MaxEjection, o.rule.Ejection)
	if float64(o.rule.Ejection)*float64(n) >= float64(most) {
		return most
	}
	return o.rule.Ejection * time.Duration(n)
}

// most is how many of so many may be left out. The tiny addition keeps a share
// such as 0.29 of 100 from being 28 by rounding.
func (o *Outliers[K]) most(total int) int {
	return int(math.Floor(o.rule.MaxShare*float64(total) + 1e-9))
}

func (o *Outliers[K]) count() int {
	n := 0
	for _, r := range o.known {
		if r.out {
			n++
		}
	}
	return n
}

// Return lets those back whose time is over, and when there are fewer endpoints
// than there were, those whose time is over soonest. It says who came back, and
// when the next will; never is the zero time.
func (o *Outliers[K]) Return(now time.Time, total int) (back []K, next time.Time) {
	out := make([]K, 0, len(o.known))
	for k, r := range o.known {
		if r.out {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b K) int { return o.known[a].until.Compare(o.known[b].until) })
	for len(out) > 0 && (len(out) > o.most(total) || !o.known[out[0]].until.After(now)) {
		o.known[out[0]].out = false
		back, out = append(back, out[0]), out[1:]
	}
	if len(out) > 0 {
		next = o.known[out[0]].until
	}
	return back, next
}

// Forgive takes one past time off whoever is not left out.
func (o *Outliers[K]) Forgive() {
	for k, r := range o.known {
		if r.out {
			continue
		}
		if r.times--; r.times <= 0 {
			delete(o.known, k)
		}
	}
}

// Forget drops an endpoint that is gone.
func (o *Outliers[K]) Forget(k K) { delete(o.known, k) }

// Learn takes over what another judge knows of an endpoint.
func (o *Outliers[K]) Learn(k K, from *Outliers[K]) {
	if from == nil {
		return
	}
	if r, ok := from.known[k]; ok {
		kept := *r
		o.known[k] = &kept
	}
}

// Tally is what became of an endpoint's requests.
type Tally struct{ Requests, Failures uint64 }

func (t Tally) share() float64 {
	if t.Requests == 0 {
		return 0
	}
	return float64(t.Failures) / float64(t.Requests)
}

// certain is how many standard deviations apart two shares must be: by chance
// that happens once in thirty thousand looks.
const certain = 4

// Worse returns the places whose share of failures is higher than that of all
// the others together by excess or more, and beyond chance; the worst first.
//
// Beyond chance is the score test of two binomial shares (Newcombe, Statistics
// in Medicine 17, 1998, method 10's null variance).
func Worse(tallies []Tally, excess float64) []int {
	var all Tally
	for _, t := range tallies {
		all.Requests, all.Failures = all.Requests+t.Requests, all.Failures+t.Failures
	}
	var found []int
	for i, t := range tallies {
		others := Tally{all.Requests - t.Requests, all.Failures - t.Failures}
		if t.Requests == 0 || others.Requests == 0 || t.share()-others.share() < excess {
			continue
		}
		deviation := math.Sqrt(all.share() * (1 - all.share()) * (1/float64(t.Requests) + 1/float64(others.Requests)))
		if t.share()-others.share() > certain*deviation {
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b int) int { return cmp.Compare(tallies[b].share(), tallies[a].share()) })
	return found
}

// Describe says in words what Worse found at a place.
func Describe(tallies []Tally, place int) string {
	return fmt.Sprintf("%.0f%% of %d requests failed, more than at the other endpoints",
		100*tallies[place].share(), tallies[place].Requests)
}
