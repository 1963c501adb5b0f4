package engine

import (
	"fmt"
	"math"
	"time"

	"github.com/stagger-dev/stagger"
)

// Needs lists what r lacks before it may go on, beside time: requests alone, and
// what the judge lacks to call the stage healthy. perSecond is how many requests
// meet the candidate now.
func Needs(r stagger.Rollout, v stagger.Verdict, judged []stagger.Need, perSecond float64) []stagger.Need {
	if r.Phase.Final() || r.Stage < 0 {
		return nil
	}
	alone, lacks := requests(r, v, perSecond)
	if baking(r) {
		judged = nil // it is over when its time is
	}
	if !lacks {
		return judged
	}
	return append([]stagger.Need{alone}, judged...)
}

// requests is how many more r needs whatever they show.
func requests(r stagger.Rollout, v stagger.Verdict, perSecond float64) (n stagger.Need, lacks bool) {
	least, judged, what, where := bakeSamples(r), v.Candidate.Stage, "more request", ""
	if s, ok := stage(r); ok {
		least, judged, where = s.MinSamples, samples(r, v), " on each version"
	}
	if n.Mirrored = onlyMirrors(r); n.Mirrored {
		what, where = "more mirrored request", ""
	}
	if judged >= least {
		return n, false
	}
	n.Evidence = float64(judged) / float64(least)
	n.Requests = least - judged
	if lags := n.Mirrored || v.Candidate.Stage > judged; !lags && perSecond > 0 {
		n.Span = time.Duration(math.Ceil(float64(n.Requests)/perSecond)) * time.Second
	}
	n.Sentence = fmt.Sprintf("%s%s", count(n.Requests, what), where)
	return n, true
}

// lacking says what keeps a stage open longest: of the needs that take requests
// the one that takes most, or the first of which nobody can tell.
func lacking(needs []stagger.Need) string {
	most := -1
	for i, n := range needs {
		switch {
		case n.Signal == "":
		case n.Requests == 0:
			return "; " + n.Sentence
		case most < 0 || n.Requests > needs[most].Requests:
			most = i
		}
	}
	if most < 0 {
		return ""
	}
	text := "; " + needs[most].Sentence
	if d := needs[most].Span; d > 0 {
		text += fmt.Sprintf(", %s at this traffic", span(d))
	}
	return text
}
