package course

import (
	"math"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// interval is what is known of the moment under way.
type interval struct {
	From   time.Time     `json:"from,omitzero"`
	To     time.Time     `json:"to,omitzero"`
	Seen   time.Duration `json:"seen"`
	Wished mean          `json:"wished"`
	Arms   [arms]arm     `json:"arms"`
}

// arm is what one version did in it.
type arm struct {
	Started    uint64            `json:"started"`
	Failed     uint64            `json:"failed"`
	Latency    stagger.Histogram `json:"latency"`
	InFlight   mean              `json:"in_flight"`
	Saturation mean              `json:"saturation"`
	Backlog    mean              `json:"backlog"`
	Readings   []told            `json:"readings,omitempty"`
}

// told is one metric of a version.
type told struct {
	Signal stagger.Signal `json:"signal"`
	Metric string         `json:"metric"`
	Mean   mean           `json:"mean"`
}

// mean adds up numbers to take their mean.
type mean struct {
	Sum float64 `json:"sum"`
	N   int     `json:"n"`
}

func (m *mean) add(x float64) {
	if !math.IsNaN(x) && !math.IsInf(x, 0) {
		m.Sum += x
		m.N++
	}
}

// value is the mean, not known of nothing.
func (m mean) value() float64 {
	if m.N == 0 {
		return stagger.Unknown()
	}
	return shown(m.Sum / float64(m.N))
}

func (a *arm) observe(o *stagger.Observation) {
	a.Started += o.Started
	a.Failed += o.Outcomes.Failed()
	histogram.AddTo(&a.Latency, o.Latency)
}

func (a *arm) look(l stagger.Level) {
	a.InFlight.add(float64(l.InFlight))
	if l.Saturation != nil {
		a.Saturation.add(*l.Saturation)
	}
	if l.Backlog != nil {
		a.Backlog.add(*l.Backlog)
	}
	for _, reading := range l.Readings {
		a.hear(reading)
	}
}

// hear takes in a reading. Two guardrails may ask for the same metric, with other
// signals; beyond the bound nothing more is kept.
func (a *arm) hear(r stagger.Reading) {
	for i := range a.Readings {
		if t := &a.Readings[i]; t.Signal == r.Signal && t.Metric == r.Metric {
			t.Mean.add(r.Value)
			return
		}
	}
	if len(a.Readings) < readings {
		t := told{Signal: r.Signal, Metric: r.Metric}
		t.Mean.add(r.Value)
		a.Readings = append(a.Readings, t)
	}
}

// place makes room for a tick in the interval under way. Where ticks are missing
// before it, that ends, and what is missing is a moment of which nothing is
// known.
func (r *Recorder) place(t *stagger.Tick) {
	c, open := &r.state.Course, &r.state.Open
	if !open.To.IsZero() && t.From.Sub(open.To) >= c.Step {
		if open.Seen > 0 {
			r.close()
		}
		open.To = t.From
		r.close()
	}
	if open.From.IsZero() {
		open.From = t.From
	}
	if c.Since.IsZero() {
		c.Since = t.From
	}
	open.To = t.To
	open.Seen += t.To.Sub(t.From)
}

// close makes a moment of the interval under way and begins the next.
func (r *Recorder) close() {
	s := &r.state
	if len(s.Course.At) == points {
		thin(&s.Course)
	}
	s.Open.addTo(&s.Course)
	s.Open.begin()
}

// begin empties o, keeping the room that it has.
func (o *interval) begin() {
	next := interval{From: o.To, To: o.To}
	for side := range next.Arms {
		next.Arms[side].Latency.Buckets = o.Arms[side].Latency.Buckets[:0]
	}
	*o = next
}

// addTo writes o as the last moment of c.
func (o *interval) addTo(c *stagger.Course) {
	c.At = append(c.At, o.To.UTC().Truncate(time.Millisecond))
	c.Seen = append(c.Seen, shown(o.Seen.Seconds()))
	c.Wished = append(c.Wished, o.known(o.Wished.value()))
	c.Observed = append(c.Observed, 0)
	o.addArm(&c.Baseline, &o.Arms[baseline])
	o.addArm(&c.Candidate, &o.Arms[candidate])
	derive(c, len(c.At)-1)
}

func (o *interval) addArm(v *stagger.CourseVersion, a *arm) {
	v.Requests = append(v.Requests, o.known(float64(a.Started)))
	v.Failed = append(v.Failed, o.known(float64(a.Failed)))
	v.Rate, v.Errors = append(v.Rate, 0), append(v.Errors, 0)
	v.P50 = append(v.P50, quantile(a.Latency, 0.50))
	v.P95 = append(v.P95, quantile(a.Latency, 0.95))
	v.P99 = append(v.P99, quantile(a.Latency, 0.99))
	v.InFlight = append(v.InFlight, o.known(a.InFlight.value()))
	v.Saturation = append(v.Saturation, o.known(a.Saturation.value()))
	v.Backlog = append(v.Backlog, o.known(a.Backlog.value()))
	n := len(v.Requests)
	for i := range v.Readings {
		v.Readings[i].Values = append(v.Readings[i].Values, stagger.Unknown())
	}
	for _, t := range a.Readings {
		if values := reading(v, t, n); values != nil && o.Seen > 0 {
			(*values)[n-1] = t.Mean.value()
		}
	}
}

// known is x if anything was measured at all.
func (o *interval) known(x float64) float64 {
	if o.Seen == 0 {
		return stagger.Unknown()
	}
	return x
}

// reading finds the values of a metric, or makes a list of n that are not known;
// nil when there are too many.
func reading(v *stagger.CourseVersion, t told, n int) *stagger.Series {
	for i := range v.Readings {
		if r := &v.Readings[i]; r.Signal == t.Signal && r.Metric == t.Metric {
			return &r.Values
		}
	}
	if len(v.Readings) == readings {
		return nil
	}
	r := stagger.CourseReading{Signal: t.Signal, Metric: t.Metric, Values: make(stagger.Series, n)}
	for i := range r.Values {
		r.Values[i] = stagger.Unknown()
	}
	v.Readings = append(v.Readings, r)
	return &v.Readings[len(v.Readings)-1].Values
}

// derive fills in what follows from the counts of moment i.
func derive(c *stagger.Course, i int) {
	seen := c.Seen[i]
	for _, v := range [...]*stagger.CourseVersion{&c.Baseline, &c.Candidate} {
		v.Rate[i] = ratio(v.Requests[i], seen)
		v.Errors[i] = ratio(v.Failed[i], v.Requests[i])
	}
	c.Observed[i] = ratio(c.Candidate.Requests[i], c.Candidate.Requests[i]+c.Baseline.Requests[i])
}

// ratio is a/b, not known where b is nothing.
func ratio(a, b float64) float64 {
	if b == 0 {
		return stagger.Unknown()
	}
	return shown(a / b)
}

// quantile is the middle of the bucket that holds the q-quantile, in seconds; not
// known of nothing.
func quantile(h stagger.Histogram, q float64) float64 {
	if h.Count() == 0 {
		return stagger.Unknown()
	}
	return shown(middle(h, q))
}

func middle(h stagger.Histogram, q float64) float64 {
	low, high := histogram.Quantile(h, q)
	return math.Sqrt(low * high)
}

// shown rounds x to five digits, more than a plot shows and a third of what all
// of them take to write.
func shown(x float64) float64 {
	var digits [32]byte
	rounded, err := strconv.ParseFloat(string(strconv.AppendFloat(digits[:0], x, 'g', 5, 64)), 64)
	if err != nil {
		return x // the largest number of all rounds to infinity
	}
	return rounded
}
