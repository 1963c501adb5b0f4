package balance

import (
	"cmp"
	"slices"
)

// pointsPerPlace is how many points the heaviest place has on a ring: the share
// that one place gets of the subjects is then within about a tenth of its
// weight's.
const pointsPerPlace = 160

// Ring gives every subject a place that it keeps while others come and go: of n
// places one that goes moves its own subjects only, one that comes takes an nth.
// Karger et al., Consistent Hashing and Random Trees, STOC 1997.
type Ring struct {
	points []point
}

type point struct {
	at    uint64
	place int32
}

// NewRing returns the ring of places with names and weights, none of them zero.
// The same name has the same points on every ring.
func NewRing(names []string, weights []uint64) *Ring {
	r := &Ring{}
	most := uint64(1)
	for _, w := range weights {
		most = max(most, w)
	}
	for i, name := range names {
		seed := hash(name)
		n := max(1, int(pointsPerPlace*float64(weights[i])/float64(most)))
		for k := range n {
			r.points = append(r.points, point{at: mix(seed + uint64(k)*golden), place: int32(i)})
		}
	}
	slices.SortFunc(r.points, func(a, b point) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.place, b.place)) })
	return r
}

// Find returns the place of a subject; when that is full, the next one that is
// not, and when all are, its own.
//
// The subject is hashed anew: those who meet a candidate of weight 1 % are the
// first hundredth of the line, and would all stand at one place.
func (r *Ring) Find(subject uint64, full func(place int) bool) int {
	at := mix(subject)
	start, _ := slices.BinarySearchFunc(r.points, at, func(p point, at uint64) int { return cmp.Compare(p.at, at) })
	n := len(r.points)
	for i := range n {
		place := int(r.points[(start+i)%n].place)
		if !full(place) {
			return place
		}
	}
	return int(r.points[start%n].place)
}

// few requests at once never sink an endpoint; below it a subject stays where
// it is, however idle the others are.
const few = 8

// Bound is how many requests at once a place may have, given those of all and
// the share its weight has in theirs: a quarter more than its share. So a
// subject that asks more than everybody else overflows to the next place
// instead of sinking its own. Mirrokni, Thorup and Zadimoghaddam, Consistent
// Hashing with Bounded Loads, 2016.
func Bound(all int64, share float64) int64 {
	return max(few, int64(1.25*float64(all+1)*share)+1)
}

// golden is 2^64 over the golden ratio, as in splitmix64.
const golden = 0x9e3779b97f4a7c15

// mix is the finaliser of splitmix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash is FNV-1a, mixed.
func hash(name string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 0x100000001b3
	}
	return mix(h)
}
