package outcome

import (
	"cmp"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// Sums count how rollouts went.
type Sums struct {
	Rollouts, Promoted, RolledBack, Aborted, Superseded int
	// ByHand counts those that a person rolled back; they are among RolledBack.
	ByHand int
	// What people said of them.
	FalseAlarms, TrueAlarms, Missed int
	// Unreviewed counts those that Stagger rolled back and nobody has judged.
	Unreviewed int
	// Lead is of those promoted, Detection of those rolled back.
	Lead, Detection Times
	// Exposed is who met the candidates that were rolled back, and Counted of how
	// many of those it is known.
	Exposed stagger.Exposure
	Counted int
}

// Times are durations in short; of none when N is 0.
type Times struct {
	N                    int
	Median, P90, Longest time.Duration
}

// Month is what ended in one calendar month, UTC.
type Month struct {
	From time.Time // its first moment
	Sums
}

// Service is what ended of one service in the whole time.
type Service struct {
	Name string
	Sums
}

// Report is what ended over some months.
type Report struct {
	Months   []Month   // oldest first; also those in which nothing ended
	Services []Service // by name
	Total    Sums
}

// FirstOf returns the first moment of the month that is n months before that
// of t, UTC.
func FirstOf(t time.Time, n int) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}

// Over reports on the rollouts that ended in the given number of months, the
// one of now included.
func Over(lives []Life, months int, now time.Time) Report {
	var r Report
	byMonth, byService := map[time.Time][]Life{}, map[string][]Life{}
	var all []Life
	first := FirstOf(now, months-1)
	for _, l := range lives {
		if l.Ended.IsZero() || l.Ended.Before(first) || l.Ended.After(now) {
			continue
		}
		month := FirstOf(l.Ended, 0)
		byMonth[month], byService[l.Service] = append(byMonth[month], l), append(byService[l.Service], l)
		all = append(all, l)
	}
	for n := months - 1; n >= 0; n-- {
		from := FirstOf(now, n)
		r.Months = append(r.Months, Month{from, sum(byMonth[from])})
	}
	for name, of := range byService {
		r.Services = append(r.Services, Service{name, sum(of)})
	}
	slices.SortFunc(r.Services, func(a, b Service) int { return cmp.Compare(a.Name, b.Name) })
	r.Total = sum(all)
	return r
}

func sum(lives []Life) Sums {
	s := Sums{Rollouts: len(lives)}
	var leads, detections []time.Duration
	for _, l := range lives {
		s.count(l)
		if d, ok := l.Lead(); ok {
			leads = append(leads, d)
		}
		if d, ok := l.Detection(); ok {
			detections = append(detections, d)
		}
	}
	s.Lead, s.Detection = times(leads), times(detections)
	return s
}

func (s *Sums) count(l Life) {
	switch l.Phase {
	case stagger.PhasePromoted:
		s.Promoted++
	case stagger.PhaseRolledBack:
		s.RolledBack++
		s.expose(l.Exposure)
		if l.ByHand {
			s.ByHand++
		} else if l.Review == nil {
			s.Unreviewed++
		}
	case stagger.PhaseAborted:
		s.Aborted++
	case stagger.PhaseSuperseded:
		s.Superseded++
	case stagger.PhasePending, stagger.PhaseProgressing, stagger.PhaseWaiting, stagger.PhasePaused, stagger.PhaseBaking:
	}
	if l.Review == nil {
		return
	}
	switch l.Review.Judgement {
	case stagger.JudgementFalseAlarm:
		s.FalseAlarms++
	case stagger.JudgementTrueAlarm:
		s.TrueAlarms++
	case stagger.JudgementMissed:
		s.Missed++
	}
}

// expose adds who met a candidate that was rolled back. The same users are
// counted once for each that they met.
func (s *Sums) expose(e *stagger.Exposure) {
	if e == nil {
		return
	}
	s.Counted++
	s.Exposed.All += e.All
	s.Exposed.Requests += e.Requests
	s.Exposed.Failed += e.Failed
	s.Exposed.Unfinished += e.Unfinished
	s.Exposed.Users += e.Users
}

// times sorts d and takes its quantiles by nearest rank: the least of the
// values that so large a share of all does not exceed.
func times(d []time.Duration) Times {
	if len(d) == 0 {
		return Times{}
	}
	slices.Sort(d)
	rank := func(percent int) time.Duration { return d[max((len(d)*percent+99)/100, 1)-1] }
	return Times{N: len(d), Median: rank(50), P90: rank(90), Longest: d[len(d)-1]}
}
