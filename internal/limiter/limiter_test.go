package limiter_test

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/limiter"
)

// A plant is a server of some workers in virtual time, with a queue without
// end, behind a limit.
type plant struct {
	workers int
	service func() time.Duration
	limit   limiter.Gradient

	now   time.Duration
	ends  ends            // of those being served
	queue []time.Duration // when each began to wait
	since time.Duration   // the last Update
	sum   time.Duration
	seen  int
	peak  int

	admitted, refused [limiter.Priorities]int
	served            int
	longest           time.Duration
}

type ends []struct{ at, began time.Duration }

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].at < e[j].at }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)        { *e = append(*e, x.(struct{ at, began time.Duration })) } //nolint:errcheck // of that type only
func (e *ends) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// arrive brings one request at a time.
func (p *plant) arrive(at time.Duration, of limiter.Priority) {
	for len(p.ends) > 0 && p.ends[0].at <= at {
		p.end()
	}
	p.now = at
	under := len(p.ends) + len(p.queue)
	if under+1 > limiter.Room(p.limit.Limit(), of) {
		p.refused[of]++
		return
	}
	p.admitted[of]++
	p.peak = max(p.peak, under+1)
	p.queue = append(p.queue, at)
	p.serve()
}

func (p *plant) serve() {
	for len(p.ends) < p.workers && len(p.queue) > 0 {
		heap.Push(&p.ends, struct{ at, began time.Duration }{p.now + p.service(), p.queue[0]})
		p.queue = p.queue[1:]
	}
}

func (p *plant) end() {
	one := heap.Pop(&p.ends).(struct{ at, began time.Duration }) //nolint:errcheck,forcetypeassert // of that type only
	p.now = one.at
	p.served++
	p.sum += one.at - one.began
	p.longest = max(p.longest, one.at-one.began)
	if p.seen++; p.seen >= 20 && p.now-p.since >= 100*time.Millisecond {
		p.limit.Update(origin.Add(p.now), limiter.Window{Mean: p.sum / time.Duration(p.seen), Peak: p.peak})
		p.since, p.sum, p.seen, p.peak = p.now, 0, 0, len(p.ends)+len(p.queue)
	}
	p.serve()
}

// run lets requests come at a rate, as chance has it, until a time.
func (p *plant) run(r *rand.Rand, rate float64, until time.Duration, priority func() limiter.Priority) {
	for at := p.now; at < until; {
		at += time.Duration(r.ExpFloat64() / rate * float64(time.Second))
		p.arrive(at, priority())
	}
}

func (p *plant) forget() {
	p.admitted, p.refused, p.served, p.longest = [limiter.Priorities]int{}, [limiter.Priorities]int{}, 0, 0
}

func normal() limiter.Priority { return limiter.Normal }

func TestTheLimitFindsTheCapacity(t *testing.T) {
	for _, row := range []struct {
		rule    string
		workers int
		chance  bool // the service time varies, exponentially
		load    float64
	}{
		{"2 workers, twice the load", 2, false, 2},
		{"10 workers, twice the load", 10, false, 2},
		{"10 workers whose time varies", 10, true, 2},
		{"50 workers, ten times the load", 50, false, 10},
		{"200 workers, a tenth too much", 200, true, 1.1},
	} {
		t.Run(row.rule, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(row.workers)))
			const usual = 10 * time.Millisecond
			p := &plant{workers: row.workers, limit: limiter.New(limiter.Rule{Min: 1, Max: 1000}), service: func() time.Duration {
				if row.chance {
					return time.Duration(r.ExpFloat64() * float64(usual))
				}
				return usual
			}}
			capacity := float64(row.workers) / usual.Seconds()
			p.run(r, row.load*capacity, 40*time.Second, normal)
			p.forget()
			begin := p.now
			p.run(r, row.load*capacity, 100*time.Second, normal)
			used := float64(p.served) / (p.now - begin).Seconds() / capacity
			limit, c := p.limit.Limit(), row.workers
			t.Logf("limit %d for %d workers, %.0f%% used, base %s, longest %s", limit, c, 100*used, p.limit.Base(), p.longest)
			if limit < c || limit > 2*c+6 {
				t.Errorf("limit %d for %d workers", limit, c)
			}
			if used < 0.9 {
				t.Errorf("%.0f%% of the server is used", 100*used)
			}
		})
	}
}

func TestTheLimitFollowsAServerThatChanges(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	p := &plant{workers: 40, limit: limiter.New(limiter.Rule{Min: 1, Max: 1000}), service: func() time.Duration { return 10 * time.Millisecond }}
	p.run(r, 8000, 30*time.Second, normal)
	p.workers = 8 // four of five hosts are gone
	p.run(r, 8000, 32*time.Second, normal)
	if limit := p.limit.Limit(); limit > 30 {
		t.Errorf("limit %d two seconds after the server shrank to 8 workers", limit)
	}
	p.workers = 40
	p.run(r, 8000, 70*time.Second, normal)
	if limit := p.limit.Limit(); limit < 40 {
		t.Errorf("limit %d half a minute after the server is back at 40 workers", limit)
	}
}

func TestALimitThatIsNotUsedDoesNotGrow(t *testing.T) {
	g := limiter.New(limiter.Rule{Min: 1, Max: 1000})
	before := g.Limit()
	for i := range 1000 {
		g.Update(origin.Add(time.Duration(i)*100*time.Millisecond), limiter.Window{Mean: time.Millisecond, Peak: 2})
	}
	if g.Limit() != before {
		t.Errorf("from %d to %d", before, g.Limit())
	}
}

func TestTheLowAreRefusedFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	p := &plant{workers: 20, limit: limiter.New(limiter.Rule{Min: 1, Max: 1000}), service: func() time.Duration { return 10 * time.Millisecond }}
	mixed := func() limiter.Priority { // of twice the capacity: 20% critical, 50% normal, the rest low
		switch x := r.Float64() * 2; {
		case x < 0.2:
			return limiter.Critical
		case x < 0.7:
			return limiter.Normal
		}
		return limiter.Low
	}
	p.run(r, 4000, 30*time.Second, mixed)
	p.forget()
	p.run(r, 4000, 90*time.Second, mixed)
	refused := func(of limiter.Priority) float64 {
		return float64(p.refused[of]) / float64(p.refused[of]+p.admitted[of])
	}
	t.Logf("refused: critical %.2f%%, normal %.2f%%, low %.2f%%", 100*refused(limiter.Critical), 100*refused(limiter.Normal), 100*refused(limiter.Low))
	if refused(limiter.Critical) > 0.01 || refused(limiter.Normal) > 0.05 || refused(limiter.Low) < 0.5 {
		t.Error("those who matter were refused before those who do not")
	}
}

func TestRoomIsNeverNothing(t *testing.T) {
	for limit := 1; limit < 100; limit++ {
		c, n, l := limiter.Room(limit, limiter.Critical), limiter.Room(limit, limiter.Normal), limiter.Room(limit, limiter.Low)
		if l < 1 || n < l || c < n || c > limit {
			t.Fatalf("of %d: %d, %d, %d", limit, c, n, l)
		}
	}
}
