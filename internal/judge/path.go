package judge

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger"
)

// What bounds a trail.
const (
	pathPoints = 240
	pathSlots  = 32
	firstStep  = time.Second
	lastStep   = firstStep << 20 // eight years of points
)

// Trail remembers how the evidence of a rollout grew, for people to look at;
// nothing is decided by it. It holds at most 240 points. When it is full, every
// second one is dropped and from then on points are twice as far apart; those
// at which the advice changed stay as long as that is possible. It is not safe
// for concurrent use.
type Trail struct {
	path  stagger.Path
	taken []bool // slots that the verdict now added has spoken of
}

// NewTrail returns a trail without points.
func NewTrail() *Trail {
	return &Trail{path: stagger.Path{Step: firstStep, At: []time.Time{}, Advice: []stagger.Advice{}, Slots: []stagger.PathSlot{}}}
}

// RestoreTrail returns a trail that goes on from what State wrote.
func RestoreTrail(data []byte) (*Trail, error) {
	t := &Trail{}
	if err := json.Unmarshal(data, &t.path); err != nil {
		return nil, fmt.Errorf("read the path of the evidence: %w", err)
	}
	if !t.sound() {
		return nil, fmt.Errorf("read the path of the evidence: its lists do not fit together")
	}
	return t, nil
}

// State writes the path down.
func (t *Trail) State() ([]byte, error) {
	data, err := json.Marshal(t.Path())
	if err != nil {
		return nil, fmt.Errorf("write the path of the evidence: %w", err)
	}
	return data, nil
}

// Path returns what the trail holds. The lists are the trail's own: they change
// with the next Add.
func (t *Trail) Path() stagger.Path { return t.path }

// sound says whether the path is one that a trail can have written.
func (t *Trail) sound() bool {
	p := &t.path
	n := len(p.At)
	if n > pathPoints || len(p.Advice) != n || len(p.Slots) > pathSlots || p.Step < firstStep || p.Step > lastStep {
		return false
	}
	for i := 1; i < n; i++ {
		if !p.At[i].After(p.At[i-1]) {
			return false
		}
	}
	for i := range p.Slots {
		for _, list := range numbers(&p.Slots[i]) {
			if len(*list) != n {
				return false
			}
		}
	}
	return true
}

// Add takes in a verdict. The newest is always the last point, in place of the
// one before while that is younger than a step. When the clock went back, it
// takes the last point's time, until that is over.
func (t *Trail) Add(v stagger.Verdict) {
	at := v.At.UTC().Truncate(time.Millisecond) // as it is written down, and no finer than one sees
	n := len(t.path.At)
	switch {
	case n == 0:
		t.grow(at)
	case !at.After(t.path.At[n-1]):
	case v.Advice != t.path.Advice[n-1] || t.lasting(n-1):
		t.grow(at)
	default:
		t.path.At[n-1] = at
	}
	t.fill(v)
}

// lasting says whether point i is to stay when another comes.
func (t *Trail) lasting(i int) bool {
	p := &t.path
	return i == 0 || t.decisive(i) || p.At[i].Sub(p.At[i-1]) >= p.Step
}

// decisive says whether the advice changed at point i.
func (t *Trail) decisive(i int) bool { return i > 0 && t.path.Advice[i] != t.path.Advice[i-1] }

// grow adds a point with nothing on it.
func (t *Trail) grow(at time.Time) {
	if len(t.path.At) == pathPoints {
		t.thin()
	}
	p := &t.path
	p.At, p.Advice = append(p.At, at), append(p.Advice, "")
	for i := range p.Slots {
		for _, list := range numbers(&p.Slots[i]) {
			*list = append(*list, 0)
		}
	}
}

// thin drops every second point, and moves the others together.
func (t *Trail) thin() {
	p := &t.path
	kept := t.spared(t.decisive)
	if len(kept) > pathPoints*3/4 { // so much is decided that it must be thinned as well
		kept = t.spared(func(int) bool { return false })
	}
	p.At, p.Advice = pick(p.At, kept), pick(p.Advice, kept)
	for i := range p.Slots {
		for _, list := range numbers(&p.Slots[i]) {
			*list = pick(*list, kept)
		}
	}
	p.Step = min(2*p.Step, lastStep)
}

// spared lists the points that stay: every second one, the last, and those that
// are precious.
func (t *Trail) spared(precious func(i int) bool) []int {
	var kept []int
	for i := range t.path.At {
		if i%2 == 0 || i == len(t.path.At)-1 || precious(i) {
			kept = append(kept, i)
		}
	}
	return kept
}

// pick moves the elements at places, which ascend, to the front.
func pick[T any](list []T, places []int) []T {
	for to, from := range places {
		list[to] = list[from]
	}
	return list[:len(places)]
}

// fill writes a verdict onto the last point.
func (t *Trail) fill(v stagger.Verdict) {
	p, last := &t.path, len(t.path.At)-1
	p.Advice[last] = v.Advice
	for i := range p.Slots {
		for _, list := range numbers(&p.Slots[i]) {
			(*list)[last] = 0
		}
	}
	t.taken = t.taken[:0]
	for _, f := range v.Findings {
		if i, ok := t.slot(f); ok {
			s := &p.Slots[i]
			s.Tolerance = shown(f.Tolerance)
			for k, x := range [...]float64{f.Estimate, f.Low, f.High, f.Suspect, f.Rollback, f.Healthy} {
				(*numbers(s)[k])[last] = shown(x)
			}
		}
	}
}

// slot finds the place of a finding, or makes one; it is not ok when there are
// too many. Two guardrails may ask the same, so a place is taken once.
func (t *Trail) slot(f stagger.Finding) (_ int, ok bool) {
	p := &t.path
	for i, s := range p.Slots {
		if i == len(t.taken) {
			t.taken = append(t.taken, false)
		}
		if !t.taken[i] && s.Signal == f.Signal && s.Slot == f.Slot && s.Metric == f.Metric {
			t.taken[i] = true
			return i, true
		}
	}
	if len(p.Slots) == pathSlots {
		return 0, false
	}
	s := stagger.PathSlot{Signal: f.Signal, Slot: f.Slot, Metric: f.Metric}
	for _, list := range numbers(&s) {
		*list = make([]float64, len(p.At), pathPoints)
	}
	p.Slots, t.taken = append(p.Slots, s), append(t.taken, true)
	return len(p.Slots) - 1, true
}

// numbers are the lists of a slot, in a fixed order.
func numbers(s *stagger.PathSlot) [6]*[]float64 {
	return [...]*[]float64{&s.Estimate, &s.Low, &s.High, &s.Suspect, &s.Rollback, &s.Healthy}
}

// shown rounds x to five digits, more than a plot shows and a third of what all
// of them take to write. What is no number is 0, which stands for unknown.
func shown(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	var digits [32]byte
	rounded, err := strconv.ParseFloat(string(strconv.AppendFloat(digits[:0], x, 'g', 5, 64)), 64)
	if err != nil {
		return x // the largest number of all rounds to infinity
	}
	return rounded
}
