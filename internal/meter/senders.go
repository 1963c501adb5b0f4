package meter

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
)

// How many requests a subject sends is counted in whole minutes, in each for
// one subject of senderTurns: every subject has its turn once in so many
// minutes.
const (
	senderMinute = time.Minute
	senderTurns  = 10
)

// The table of a minute has senderPlaces places, 128 KiB. When most of them are
// taken nobody more is counted: that is 12 000 subjects of 120 000.
const (
	senderSize   = 14
	senderPlaces = 1 << senderSize
	mostSenders  = senderPlaces / 4 * 3
)

// mostSent is where counting one subject's requests ends. It leaves as much
// room again for those who count at the same moment.
const mostSent = 1 << 15

// senders counts the requests of subjects within one minute. It belongs to the
// cells of the minute's ticks, so it is complete when the last of them is
// closed.
type senders struct {
	minute int64
	turn   uint32
	known  atomic.Int64
	// A place holds the lower half of the subject, the number of the version
	// that its first request met, and how many requests it sent, in one word;
	// 0 is free. The upper half tells in where the place is.
	places [senderPlaces]atomic.Uint64
}

// senderVersion is where the version's number begins in a place.
const senderVersion = 16

func newSenders(minute int64) *senders {
	return &senders{minute: minute, turn: uint32(minute % senderTurns)}
}

// count counts a request of a subject to a version, if it is the subject's
// turn. Turns are chosen by bits that choose neither groups nor cohorts, nor
// places.
func (s *senders) count(subject uint64, version uint16) {
	if uint32(subject)>>8%senderTurns == s.turn {
		s.add(subject, version)
	}
}

func (s *senders) add(subject uint64, version uint16) {
	start := probeFrom(subject, senderSize)
	for i := range uint64(maxProbes) {
		place := &s.places[(start+i)%senderPlaces]
		known := place.Load()
		if known == 0 {
			if s.known.Load() >= mostSenders {
				return
			}
			if place.CompareAndSwap(0, subject<<32|uint64(version)<<senderVersion|1) {
				s.known.Add(1)
				return
			}
			known = place.Load() // somebody was faster; perhaps the same subject
		}
		if known>>32 != subject&(1<<32-1) {
			continue
		}
		if sent(known) < mostSent {
			place.Add(1)
		}
		return
	}
}

// sent is how many requests a place counts.
func sent(place uint64) uint64 { return place & (1<<senderVersion - 1) }

// senderBins is how many bins there are: 1, 2, 3, 4, 6, 8, 12 and so on up to
// mostSent.
const senderBins = 30

// binOf returns the last bin that begins at n or below: bins begin at powers of
// two and half-way between them.
func binOf(n uint64) int {
	if n <= 1 {
		return 0
	}
	octave := bits.Len64(n) - 1
	half := int(n >> (octave - 1) & 1)
	return min(2*octave-1+half, senderBins-1)
}

// binStart is the least number of requests in a bin.
func binStart(bin int) uint64 {
	if bin == 0 {
		return 1
	}
	return uint64(2+(bin-1)%2) << ((bin - 1) / 2)
}

// senderTally is how many subjects of one version are in a bin, by group.
type senderTally [senderBins][stagger.Groups]uint64

// tally adds up what was counted, by the number of the version.
func (s *senders) tally() map[uint16]*senderTally {
	all := make(map[uint16]*senderTally)
	for i := range s.places {
		known := s.places[i].Load()
		if known == 0 {
			continue
		}
		version := uint16(known >> senderVersion)
		t := all[version]
		if t == nil {
			t = &senderTally{}
			all[version] = t
		}
		t[binOf(sent(known))][group(known>>32)]++
	}
	return all
}

// list returns the bins that are not empty.
func (t *senderTally) list() []stagger.Senders {
	if t == nil {
		return nil
	}
	var out []stagger.Senders
	for bin := range t {
		if t[bin] != [stagger.Groups]uint64{} {
			out = append(out, stagger.Senders{Requests: binStart(bin), Subjects: t[bin]})
		}
	}
	return out
}
