package judge

import (
	"maps"
	"slices"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
	"github.com/stagger-dev/stagger/internal/sequential"
)

// excess is by how much what is bad at the candidate exceeds what would fall to
// it by chance, by route: its outcomes less their expectation given the margins
// of each table. It tells where harm comes from, and decides nothing.
type excess map[string]float64

// attribute adds what a batch says about every route, where there are several.
func (e *excess) attribute(s slot, at sight) {
	if len(at.batch.Strata) < 2 {
		return
	}
	count, ok := s.attributed(at)
	if !ok {
		return
	}
	for i := range at.batch.Strata {
		of := &at.batch.Strata[i]
		n, x := count.of(&of.Arms[armBaseline], count.base)
		m, k := count.of(&of.Arms[armCandidate], count.limit)
		if n == 0 || m == 0 || x+k == 0 {
			continue
		}
		if *e == nil {
			*e = make(excess)
		}
		(*e)[of.Name] += float64(k) - float64(x+k)*float64(m)/float64(n+m)
	}
}

// attributable is what is bad on a route: what a slot counts, or what takes
// longer than a limit of each side.
type attributable struct {
	plain       counter // nil for latency
	base, limit int32
}

// attributed says what is bad about requests; it is not ok for what is not known
// by route.
func (s slot) attributed(at sight) (count attributable, ok bool) {
	switch {
	case s.counts():
		return attributable{plain: s.counter(rungPlain)}, true
	case s.guardrail.Signal == stagger.SignalLatency && at.usual.Known[s.quantile]:
		count.base, count.limit = at.usual.threshold(s.quantile, histogram.Steps(s.guardrail.Tolerance), s.guardrail.Floor, at.batch.Age)
		return count, true
	default:
		return count, false
	}
}

func (c attributable) of(a *arm, limit int32) (n, hits int) {
	if c.plain != nil {
		return c.plain(a)
	}
	return a.timed(), a.beyond(limit)
}

// worst names the route that contributes most, "" where none does.
func (e excess) worst() string {
	if len(e) == 0 {
		return ""
	}
	worst, most := "", 0.0
	for _, name := range slices.Sorted(maps.Keys(e)) {
		if e[name] > most {
			worst, most = name, e[name]
		}
	}
	return worst
}

// alsoWorse names the signals beside the one that is blamed whose evidence
// suffices by itself: the e-values that the procedure of Wang and Ramdas (e-BH)
// rejects, of which at most a share of alpha is false on average.
func (j *Judge) alsoWorse(blamed stagger.Signal) string {
	alpha := j.alphaRollback()
	es := make([]float64, len(j.slots))
	for i := range j.slots {
		es[i] = j.state.Banks[i].Rollback.value()
	}
	p := &j.phrase
	*p = (*p)[:0]
	for _, i := range sequential.EBH(es, alpha) {
		s := j.slots[i]
		if s.guardrail.Signal == blamed || s.alerts() {
			continue
		}
		if p.add(", "); len(*p) == len(", ") {
			*p = append((*p)[:0], "; worse as well: "...)
		}
		p.add(s.label())
	}
	return string(*p)
}

// label is what people call the slot.
func (s slot) label() string {
	label := string(s.guardrail.Signal)
	if s.name != "" {
		label += " " + s.name
	}
	if s.guardrail.Metric != "" {
		label += " " + s.guardrail.Metric
	}
	return label
}
