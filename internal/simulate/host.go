package simulate

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// pods are hosts of which each is slow or quick for a while: the logarithm of
// its share of requests beyond p95 wanders, with a memory.
type pods struct {
	baseline, candidate int
	swing               float64       // standard deviation of that logarithm
	memory              time.Duration // after which a third of it is left
	spread              float64       // standard deviation of what stays for good
	harm                float64       // factor on the candidate's share; 0 is 1
}

// steepness is how fast the logarithm of the share beyond p95 rises with the
// logarithm of latency: the hazard of the normal distribution there, 2.06.
const steepness = 0.10314 / (1 - tailFrom) / sigmaLatency

// finest is the grain, in buckets, to which slowness is rounded, so that few
// shapes are needed.
const finest = 0.125

// bucketWidth is the logarithm of the factor between the edges of a bucket.
var bucketWidth = math.Ln2 / float64(int(1)<<stagger.HistogramSchema)

// wander moves every host on by d.
func (p pods) wander(r *rand.Rand, hosts []float64, d time.Duration) {
	keep := math.Exp(-float64(d) / float64(p.memory))
	for i := range hosts {
		hosts[i] = keep*hosts[i] + math.Sqrt(1-keep*keep)*p.swing*r.NormFloat64()
	}
}

// slowness is the factor on latency of a host, rounded.
func slowness(host float64) float64 {
	steps := math.Round(host / steepness / (finest * bucketWidth))
	return math.Exp(steps * finest * bucketWidth)
}

// fleet is the hosts of one version, and what they met in a tick.
type fleet struct {
	letter    string    // that their names begin with
	wandering []float64 // how slow each pod is for a while
	lasting   []float64 // and for good
	counts    [buckets]uint32
	met       []hostTally
	left      []uint64
	sealed    []stagger.Host
}

// hostTally is the requests of one host, by coarse bucket.
type hostTally [histogram.CoarseBuckets]uint64

func (p pods) fleet(letter string, hosts int, harm float64, r *rand.Rand) fleet {
	f := fleet{letter: letter, wandering: make([]float64, hosts), lasting: make([]float64, hosts)}
	for i := range f.lasting {
		if f.lasting[i] = math.Log(max(harm, 1)); p.spread > 0 {
			f.lasting[i] += p.spread * r.NormFloat64()
		}
	}
	return f
}

// grow makes room for so many hosts, that have met nobody.
func (f *fleet) grow(hosts int) {
	for len(f.sealed) < hosts {
		f.sealed = append(f.sealed, stagger.Host{Name: f.letter + strconv.Itoa(len(f.sealed))})
		f.met, f.left = append(f.met, hostTally{}), append(f.left, 0)
	}
	clear(f.met)
}

// ofPods draws the requests of a version whose hosts are pods, each by itself.
func (t *Traffic) ofPods(i int, a Answer, mean float64, d time.Duration) int {
	f, s, n := &t.fleets[i], &t.sides[i], 0
	t.model.pods.wander(t.random, f.wandering, d)
	f.grow(len(f.wandering))
	for h, slow := range f.wandering {
		shape := t.shape(form{slow: a.Slow * slowness(slow+f.lasting[h]), tail: a.Tail})
		first := int(shape.first - histogram.MinIndex)
		met := f.counts[first : first+len(shape.chance)]
		clear(met)
		n += shape.draw(t.random, mean/float64(len(f.wandering)), &f.counts)
		for k, c := range met {
			if c > 0 {
				s.counts[first+k] += c
				f.met[h][histogram.Coarse(shape.first+int32(k))] += uint64(c)
			}
		}
	}
	return n
}

// hostsOf is how many hosts of all each version has when the candidate gets a
// share of the requests: all meet equally many of them, as far as that can be.
func (t *Traffic) hostsOf(all int, share float64) [arms]int {
	if pods := t.model.pods; pods.baseline > 0 {
		return [arms]int{pods.baseline, pods.candidate}
	}
	if share <= 0 || all == 0 {
		return [arms]int{all, 0}
	}
	candidate := min(max(int(math.Round(float64(all)*share)), 1), all-1)
	return [arms]int{all - candidate, candidate}
}

// seal parts what a version did by host. Pods have drawn their requests
// themselves; else they fall where they may, as failures always do.
func (f *fleet) seal(r *rand.Rand, s *side, hosts int) []stagger.Host {
	if len(f.wandering) == 0 {
		f.grow(hosts)
		f.deal(r, s, hosts)
	}
	left, total := f.left[:hosts], uint64(0)
	for h := range hosts {
		g := &f.sealed[h].Group
		*g = stagger.Group{Latency: stagger.Histogram{Buckets: g.Latency.Buckets[:0]}}
		for place, n := range f.met[h] {
			meet(g, histogram.CoarseIndex(place), n)
		}
		left[h] = g.Started
		total += g.Started
	}
	urn(r, left, total, s.failed, func(h int) { f.sealed[h].Failed++ })
	return f.sealed[:hosts]
}

// deal gives each request to one of the hosts, all alike.
func (f *fleet) deal(r *rand.Rand, s *side, hosts int) {
	for place, n := range s.coarse {
		for h := 0; n > 0; h++ {
			// Few are dealt one by one; of many, each host in turn takes its part
			// of what is left.
			if n < uint64(hosts-h) {
				for range n {
					f.met[h+r.IntN(hosts-h)][place]++
				}
				break
			}
			k := uint64(binomial(r, int(n), 1/float64(hosts-h)))
			f.met[h][place] += k
			n -= k
		}
	}
}

// urn draws without putting back: each of n hits one of the places, in
// proportion to what is left there of a total.
func urn(r *rand.Rand, left []uint64, total, n uint64, hit func(place int)) {
	for range min(n, total) {
		at := r.Uint64N(total)
		for i := range left {
			if at < left[i] {
				left[i]--
				total--
				hit(i)
				break
			}
			at -= left[i]
		}
	}
}
