package judge

import (
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// What one tick can hold at the most. More is no measurement.
const (
	mostRequests = 1 << 24 // per version and route; the cost of a table grows with the root of it
	longestTick  = time.Hour
	mostFuture   = time.Minute // that a tick may lie ahead of the time of a verdict
)

// contradiction says what cannot be true about a tick, "" when it may be.
func contradiction(t stagger.Tick) string {
	if length := t.To.Sub(t.From); length <= 0 || length > longestTick || t.Age < 0 || t.Age > longestTick {
		return fmt.Sprintf("an interval of %s, sealed %s later", length, t.Age)
	}
	if t.Share != nil && !(*t.Share >= 0 && *t.Share <= 1) {
		return fmt.Sprintf("a share of %g of all subjects", *t.Share)
	}
	for _, o := range t.Observations {
		if what := impossible(o); what != "" {
			return o.Version + " has " + what
		}
	}
	return ""
}

func impossible(o stagger.Observation) string {
	failed, aborted := o.Outcomes.Failed(), o.Outcomes.ClientAbort
	switch {
	case o.Started > mostRequests:
		return count(o.Started) + " requests in one interval"
	case over(o.Started, o.Outcomes.OK, o.Outcomes.ServerError, o.Outcomes.ConnectError, o.Outcomes.Timeout, aborted, o.Unfinished):
		return fmt.Sprintf("more outcomes than its %s requests", count(o.Started))
	case o.FirstFailed > failed:
		return fmt.Sprintf("%s users who failed for the first time in %s failures", count(o.FirstFailed), count(failed))
	case !possible(o.Latency, o.Started):
		return fmt.Sprintf("a latency histogram that %s requests do not make", count(o.Started))
	case len(o.Groups) != 0 && len(o.Groups) != stagger.Groups:
		return fmt.Sprintf("%d groups, not %d", len(o.Groups), stagger.Groups)
	case o.Arrived > o.Started:
		return fmt.Sprintf("%s users who arrived with %s requests", count(o.Arrived), count(o.Started))
	case len(o.Hosts) > mostParts || len(o.Senders) > mostParts || len(o.Counts) > mostParts || len(o.Gauges) > mostParts:
		return fmt.Sprintf("more than %d hosts, counts or levels", mostParts)
	}
	if s := o.Shadow; s != nil && !possibleShadow(s) {
		return "more answers that differ than mirrored requests"
	}
	for i := range o.Groups {
		if !possibleGroup(&o.Groups[i]) {
			return "a group with more outcomes than requests"
		}
	}
	for i := range o.Hosts {
		if !possibleGroup(&o.Hosts[i].Group) {
			return "a host with more outcomes than requests"
		}
	}
	return ""
}

// mostParts bounds the lists of an observation.
const mostParts = 1024

func possibleGroup(g *stagger.Group) bool {
	return g.Started <= mostRequests && !over(g.Started, g.Failed) && !over(g.Started, g.Unfinished) &&
		g.FirstFailed <= g.Failed && possible(g.Latency, g.Started)
}

func possibleShadow(s *stagger.Shadowed) bool {
	return s.Compared <= mostRequests && !over(s.Compared, s.Differing) && !over(s.Compared, s.Pairs) &&
		!over(s.Pairs, s.Noisy) && !over(s.Noisy, s.OnlyBaseline) && !over(s.Pairs, s.OnlyCandidate, s.OnlyBaseline) &&
		!over(s.Differing, s.OnlyCandidate)
}

// over says whether the parts add up to more than the whole, without adding
// beyond what a number holds.
func over(whole uint64, parts ...uint64) bool {
	for _, p := range parts {
		if p > whole {
			return true
		}
		whole -= p
	}
	return false
}

// possible says whether h can be of at most n durations.
func possible(h stagger.Histogram, n uint64) bool {
	if h.Zero > n {
		return false
	}
	n -= h.Zero
	for i, b := range h.Buckets {
		if b.Count > n || b.Index < histogram.MinIndex || b.Index > histogram.MaxIndex+stagger.GroupSteps ||
			i > 0 && b.Index <= h.Buckets[i-1].Index {
			return false
		}
		n -= b.Count
	}
	return true
}
