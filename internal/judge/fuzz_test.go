package judge_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// tickReader makes ticks of any bytes: every field takes any value it can.
type tickReader struct {
	data []byte
	now  time.Duration
}

func (r *tickReader) next() uint64 {
	var b [8]byte
	n := copy(b[:], r.data)
	r.data = r.data[n:]
	v := binary.LittleEndian.Uint64(b[:])
	// Most numbers are small, as most are; some are anything.
	switch v & 7 {
	case 0:
		return v
	case 1, 2:
		return v >> 8 % 10_000
	default:
		return v >> 8 % 100
	}
}

func (r *tickReader) tick() stagger.Tick {
	if r.next()%8 != 0 {
		return r.plausible()
	}
	at := epoch.Add(time.Duration(int64(r.next())))
	t := stagger.Tick{Service: "shop", From: at, To: at.Add(time.Duration(int64(r.next())) * time.Millisecond), Age: time.Duration(int64(r.next()))}
	for range r.next() % 4 {
		o := stagger.Observation{
			Version: []string{"v1", "v2", "v3"}[r.next()%3], Route: []string{"a", "b"}[r.next()%2],
			From: t.From, To: t.To, Started: r.next(), Unfinished: r.next(), FirstFailed: r.next(),
			Outcomes: stagger.Outcomes{OK: r.next(), ServerError: r.next(), Timeout: r.next(), ClientAbort: r.next()},
			Latency:  r.histogram(),
		}
		for range r.next() % 32 {
			o.Groups = append(o.Groups, stagger.Group{Started: r.next(), Failed: r.next(), FirstFailed: r.next(), Unfinished: r.next(), Latency: r.histogram()})
		}
		r.more(&o)
		t.Observations = append(t.Observations, o)
	}
	if r.next()%4 == 0 {
		t.Share = new(math.Float64frombits(r.next()))
	}
	return t
}

// more adds what is known beside requests and their outcomes.
func (r *tickReader) more(o *stagger.Observation) {
	o.Arrived, o.Proxy = r.next(), []string{"", "east"}[r.next()%2]
	for range r.next() % 3 {
		o.Hosts = append(o.Hosts, stagger.Host{
			Name: []string{"a", "b", ""}[r.next()%3], Group: stagger.Group{Started: r.next(), Failed: r.next(), Latency: r.histogram()},
		})
		o.Senders = append(o.Senders, stagger.Senders{Requests: r.next(), Subjects: [stagger.Groups]uint64{r.next(), r.next()}})
		o.Counts = append(o.Counts, stagger.Count{Metric: "m", N: r.next()})
		o.Gauges = append(o.Gauges, stagger.Gauge{Metric: "g", Value: math.Float64frombits(r.next())})
	}
}

// plausible makes a tick that follows the one before it and can be true.
func (r *tickReader) plausible() stagger.Tick {
	r.now += time.Duration(1+r.next()%20_000) * time.Millisecond
	t := stagger.Tick{Service: "shop", From: epoch.Add(r.now - time.Millisecond), To: epoch.Add(r.now), Age: time.Duration(r.next() % 2_000_000_000)}
	for _, version := range []string{"v1", "v2"} {
		o := stagger.Observation{Version: version, Route: []string{"a", "b"}[r.next()%2], Started: r.next() % 20_000}
		left := o.Started
		take := func() uint64 {
			n := r.next() % (left + 1)
			left -= n
			return n
		}
		o.Unfinished, o.Outcomes.ServerError, o.Outcomes.ClientAbort = take(), take(), take()
		o.Outcomes.OK = left
		o.Latency.Buckets = []stagger.Bucket{{Index: int32(r.next()%600) - 450, Count: left}}
		o.Arrived = r.next() % (o.Started + 1)
		o.Senders = []stagger.Senders{{Requests: 1 + r.next()%50, Subjects: [stagger.Groups]uint64{r.next() % 9, r.next() % 300}}}
		o.Counts = []stagger.Count{{Metric: "m", N: r.next() % 100_000}}
		o.Gauges = []stagger.Gauge{{Metric: "g", Value: float64(r.next()) - 50}}
		o.Hosts = []stagger.Host{{Name: "a", Group: stagger.Group{Started: o.Started / 2}}, {Name: "b", Group: stagger.Group{Started: o.Started / 2}}}
		t.Observations = append(t.Observations, o)
	}
	t.Share = new(float64(r.next()%100) / 100)
	return t
}

func (r *tickReader) histogram() stagger.Histogram {
	h := stagger.Histogram{Zero: r.next(), Sum: math.Float64frombits(r.next())}
	for range r.next() % 4 {
		h.Buckets = append(h.Buckets, stagger.Bucket{Index: int32(uint32(r.next())), Count: r.next()})
	}
	return h
}

// FuzzObserve feeds anything at all. It must not panic, must not call healthy
// what nobody met, must keep its numbers finite, and must come back from what
// it wrote down.
func FuzzObserve(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff"))
	random := rand.New(rand.NewPCG(1, 1))
	for range 40 { // long enough to fill batches
		data := make([]byte, 16<<10)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := config()
		c.WarmUp, c.Stages = 10*time.Second, 3
		for _, signal := range []stagger.Signal{stagger.SignalGoodput, stagger.SignalRetries, stagger.SignalCount, stagger.SignalGauge, stagger.SignalSaturation} {
			g := stagger.Guardrail{Signal: signal, Tolerance: 1.5, Floor: 0.01, Healthy: 0.02, Alpha: 0.01, Action: stagger.ActionRollback}
			switch signal {
			case stagger.SignalCount:
				g.Metric = "m"
			case stagger.SignalGauge, stagger.SignalSaturation:
				g.Metric, g.Limit = "g", 40
			default:
			}
			c.Guardrails = append(c.Guardrails, g)
		}
		j := judge.New(c)
		r := tickReader{data: data}
		met := false
		for i := 0; len(r.data) > 0 && i < 64; i++ {
			tick := r.tick()
			for _, o := range tick.Observations {
				met = met || o.Version == "v2"
			}
			j.Observe(tick)
			if i == 10 {
				j.BeginStage(tick.To)
			}
			if i == 40 {
				j.BeginBake(tick.To)
			}
			v := j.Verdict(tick.To)
			if !met && (v.Outcome == stagger.OutcomeHealthy || v.Outcome == stagger.OutcomeRegressed) {
				t.Fatalf("%s without a request: %s", v.Outcome, v.Sentence)
			}
			for _, n := range v.Findings {
				for _, x := range []float64{n.Baseline, n.Candidate, n.CandidateLow, n.CandidateHigh, n.Estimate, n.Low, n.High, n.Suspect, n.Rollback, n.Healthy, n.Dispersion} {
					if math.IsNaN(x) || math.IsInf(x, 0) {
						t.Fatalf("a finding is not finite: %+v", n)
					}
				}
			}
		}
		state, err := j.State()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := judge.Restore(c, state); err != nil {
			t.Fatal(err)
		}
	})
}
