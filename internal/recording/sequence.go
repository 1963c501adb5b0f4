package recording

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// The window in which lines may come in any order: so many times, but no more
// lines than that. It bounds what is kept of a recording.
const (
	windowTimes = 64
	windowLines = 4096
)

// usualLength is the interval of a recording of one time that says none.
const usualLength = time.Second

// Tick is all that a recording has of one interval.
type Tick struct {
	From, To time.Time
	// Lines are those of each version, sorted by route, proxy and host; nil when the version
	// has none, which is missing telemetry.
	Lines [sides][]Line
	// Share is the part of subjects that the candidate should get, as lines say
	// it; nil when none does.
	Share *float64
}

// whole says whether both versions reported.
func (t *Tick) whole() bool { return len(t.Lines[baseline]) > 0 && len(t.Lines[candidate]) > 0 }

// first is the line that came first.
func (t *Tick) first() Line {
	var out Line
	for _, lines := range t.Lines {
		for _, l := range lines {
			if out.number == 0 || l.number < out.number {
				out = l
			}
		}
	}
	return out
}

// sequence puts the lines of one file in order of time.
type sequence struct {
	file    string
	pending []*Tick // by From
	lines   int     // in pending
	length  time.Duration
	last    *Tick // given out last
}

// add takes in a line. A problem with it is returned.
func (s *sequence) add(l Line) *Problem {
	if s.last != nil && l.At.Before(s.last.To) {
		return s.wrong(l, "%s comes too late: the interval until %s was judged already, at most %d times before the latest are waited for; sort the lines by time, or give each version's file by itself",
			stamp(l.At), stamp(s.last.To), windowTimes)
	}
	t := s.tick(l.At)
	if other := t.twin(&l); other != nil {
		return s.wrong(l, "the version has a line for %s and %s already, line %d; remove one, or add them up", stamp(l.At), l.place(), other.number)
	}
	if other := t.overlap(&l); other != nil {
		return s.wrong(l, "it counts requests of line %d again: one of the two is of a host, the other of all hosts of route %q; write the host on each line with requests, or on none", other.number, cut(l.Route))
	}
	if said := t.length(); said > 0 && l.Length > 0 && said != l.Length {
		return s.wrong(l, "other lines of this time say %s, this one %s; write the same seconds", said, l.Length)
	}
	if l.Share != nil {
		if t.Share != nil && *t.Share != *l.Share {
			return s.wrong(l, "other lines of this time say a share of %g, this one %g; write the same, or none where it changed", *t.Share, *l.Share)
		}
		t.Share = l.Share
	}
	if len(t.Lines[l.side]) >= windowLines/(2*sides) {
		return s.wrong(l, "the version has more than %d lines for %s; put routes together", windowLines/(2*sides), stamp(l.At))
	}
	t.Lines[l.side] = append(t.Lines[l.side], l)
	s.lines++
	return nil
}

// twin is the line of t that counts what l counts.
func (t *Tick) twin(l *Line) *Line {
	lines := t.Lines[l.side]
	for i := range lines {
		if lines[i].together(l) && lines[i].Host == l.Host {
			return &lines[i]
		}
	}
	return nil
}

// overlap is a line of t that counts requests which l counts as well: one is of a
// host, the other of all hosts.
func (t *Tick) overlap(l *Line) *Line {
	lines := t.Lines[l.side]
	for i := range lines {
		if other := &lines[i]; other.together(l) && (other.Host == "") != (l.Host == "") && other.Started > 0 && l.Started > 0 {
			return other
		}
	}
	return nil
}

// place says of what a line is, for people.
func (l *Line) place() string {
	out := fmt.Sprintf("route %q", cut(l.Route))
	if l.Proxy != "" {
		out += fmt.Sprintf(" of proxy %q", cut(l.Proxy))
	}
	if l.Host != "" {
		out += fmt.Sprintf(" on host %q", cut(l.Host))
	}
	return out
}

func (s *sequence) wrong(l Line, format string, args ...any) *Problem {
	c := cursor{file: s.file, line: l.number}
	c.fail(0, "at", format, args...)
	c.problem.Column = max(l.column, 1)
	return c.problem
}

func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

// tick returns the pending tick that begins at a time.
func (s *sequence) tick(at time.Time) *Tick {
	i, found := slices.BinarySearchFunc(s.pending, at, func(t *Tick, at time.Time) int { return t.From.Compare(at) })
	if !found {
		s.pending = slices.Insert(s.pending, i, &Tick{From: at})
	}
	return s.pending[i]
}

// length is the interval that the lines of t say, 0 when they say none.
func (t *Tick) length() time.Duration {
	for _, lines := range t.Lines {
		for _, l := range lines {
			if l.Length > 0 {
				return l.Length
			}
		}
	}
	return 0
}

// crowded says whether the oldest tick need wait no longer.
func (s *sequence) crowded() bool {
	return len(s.pending) > windowTimes || s.lines > windowLines && len(s.pending) > 1
}

// pop gives out the oldest tick, if any is left.
func (s *sequence) pop() (Tick, *Problem) {
	if s.length == 0 {
		s.length = s.gap()
	}
	t := s.pending[0]
	s.pending = s.pending[1:]
	for _, lines := range t.Lines {
		s.lines -= len(lines)
		slices.SortFunc(lines, byPlace)
	}
	t.To = t.From.Add(cmp.Or(t.length(), s.length))
	before := s.last
	s.last = t
	if before != nil && t.From.Before(before.To) {
		return *t, s.wrong(t.first(), "it begins inside the interval from %s to %s; write the true length of the intervals as seconds", stamp(before.From), stamp(before.To))
	}
	return *t, nil
}

// gap is the smallest between the times that are pending.
func (s *sequence) gap() time.Duration {
	least := time.Duration(0)
	for i := range s.pending[1:] {
		if gap := s.pending[i+1].From.Sub(s.pending[i].From); least == 0 || gap < least {
			least = gap
		}
	}
	if least == 0 {
		return usualLength
	}
	return min(max(least, leastLength), mostLength)
}
