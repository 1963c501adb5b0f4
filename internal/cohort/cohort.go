// Package cohort decides which subjects meet the candidate: a stable hash puts
// every subject on a line, a weight is how much of the line is taken, and
// rules pick subjects by what they are.
//
// The bytes that are hashed are fixed by ADR 0001 so that other languages and
// other data planes can agree.
package cohort

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/stagger-dev/stagger"
)

// domain keeps these hashes apart from any other use of the same seed.
const domain = "stagger.cohort.v1\x00"

// Bucket returns the point of subject on the line from 0 to 2^64: xxhash64,
// seed 0, of domain, seed, a zero byte and subject (ADR 0001). The same
// subject under another seed lands somewhere unrelated.
func Bucket(seed, subject string) uint64 {
	return prefix(seed).point(subject)
}

// Member says whether subject belongs to the share w: nobody at
// stagger.WeightNone, everybody at stagger.WeightFull, and whoever belongs to
// a share belongs to every larger one of the same seed.
func Member(seed, subject string, w stagger.Weight) bool {
	return within(Bucket(seed, subject), w)
}

// before is what is hashed before the subject.
type before string

func prefix(seed string) before { return before(domain + seed + "\x00") }

// short is how much is hashed in one piece, on the stack: more than seeds and
// subjects usually are.
const short = 128

// point hashes the subject after what is before it.
func (b before) point(subject string) uint64 {
	if len(b)+len(subject) <= short {
		var piece [short]byte
		n := copy(piece[:], b)
		n += copy(piece[n:], subject)
		return xxhash.Sum64(piece[:n])
	}
	var d xxhash.Digest
	d.Reset()
	// Writing to a digest never fails.
	_, _ = d.WriteString(string(b))
	_, _ = d.WriteString(subject)
	return d.Sum64()
}

// within says whether point < w * 2^64 / 10^6. Multiplied out, that is
// point * 10^6 < w * 2^64, and compares the upper half of a 128-bit product
// with w: exact, where a division or a float would round.
func within(point uint64, w stagger.Weight) bool {
	upper, _ := bits.Mul64(point, uint64(stagger.WeightFull))
	return upper < uint64(w)
}
