package meter

import (
	"slices"

	"github.com/stagger-dev/stagger"
)

// minutes are those whose ticks are not all sealed: two at most, as a rule.
type minutes struct {
	open []*senders
	// whole is the first minute of which everything is counted, under one seed.
	whole int64
}

// breakOff says that something changed within a minute. What was counted of it,
// and of any earlier one that is still open, is not told.
func (ms *minutes) breakOff(minute int64) { ms.whole = max(ms.whole, minute+1) }

// of returns where a minute's senders are counted, nil if they are not.
func (ms *minutes) of(minute int64) *senders {
	if minute < ms.whole {
		return nil
	}
	for _, s := range ms.open {
		if s.minute == minute {
			return s
		}
	}
	s := newSenders(minute)
	ms.open = append(ms.open, s)
	return s
}

// end returns what was counted in a minute whose last tick was closed; nil if
// nothing was, or not all.
func (ms *minutes) end(minute int64) *senders {
	var ended *senders
	ms.open = slices.DeleteFunc(ms.open, func(s *senders) bool {
		if s.minute == minute && minute >= ms.whole {
			ended = s
		}
		return s.minute <= minute
	})
	return ended
}

// sendersOf returns where the senders of a tick are counted. The caller holds
// mu.
func (s *service) sendersOf(tick int64) *senders { return s.minutes.of(s.meter.minute(tick)) }

// addSenders puts a minute's senders into the observations of their versions'
// first routes. A version that was dropped within the minute has none.
func (s *service) addSenders(t *stagger.Tick, ended *senders) {
	if ended == nil {
		return
	}
	all := ended.tally()
	for i, one := range s.series { // in the order of the observations
		t.Observations[i].Senders = all[one.number].list()
		delete(all, one.number)
	}
}
