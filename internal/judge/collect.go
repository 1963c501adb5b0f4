package judge

import (
	"slices"

	"github.com/stagger-dev/stagger"
)

// readings are what both sides told of one metric in a batch.
type readings [arms]reading

// reading is counts and levels of one metric, added up.
type reading struct {
	N    uint64  `json:"n,omitempty"`    // of a count
	Sum  float64 `json:"sum,omitempty"`  // of levels
	Told int     `json:"told,omitempty"` // how many there were
}

// metricsOf lists the metrics that slots name, and says whether one asks how
// many requests subjects send.
func metricsOf(slots []slot) (names []string, senders bool) {
	for i := range slots {
		s := &slots[i]
		senders = senders || s.guardrail.Signal == stagger.SignalRetries
		if s.guardrail.Metric == "" {
			continue
		}
		if s.metric = slices.Index(names, s.guardrail.Metric); s.metric < 0 {
			s.metric = len(names)
			names = append(names, s.guardrail.Metric)
		}
	}
	return names, senders
}

// collect puts a tick into the batch.
func (j *Judge) collect(t *stagger.Tick) {
	b := &j.state.Batch
	if j.comes(t) {
		j.state.Routes.choose()
		b.Strata = nil
	}
	b.begin(t)
	j.state.Split.observe(t, j.config.Baseline, j.config.Candidate)
	for i := range t.Observations {
		o := &t.Observations[i]
		switch o.Version {
		case j.config.Baseline:
			a := b.arm(j.stratum(o), armBaseline)
			a.add(o)
			a.addGroups(o.Groups) // of the baseline alone: dependence is measured there
			j.state.Peers.add(b, o.Hosts)
			j.read(o, armBaseline)
		case j.config.Candidate:
			b.arm(j.stratum(o), armCandidate).add(o)
			j.state.Youth.meet(o)
			j.read(o, armCandidate)
		}
	}
}

// read takes what an observation says beside requests.
func (j *Judge) read(o *stagger.Observation, side int) {
	b := &j.state.Batch
	b.Hosted[side] = max(b.Hosted[side], hosted(o.Hosts))
	if o.Shadow != nil && side == armCandidate {
		b.Shadow = b.Shadow.Plus(*o.Shadow)
	}
	if j.retries && len(o.Senders) > 0 {
		if b.Senders == nil {
			b.Senders = new([arms]senders)
		}
		b.Senders[side].add(o.Senders)
	}
	if len(j.metrics) == 0 {
		return
	}
	if len(b.Readings) != len(j.metrics) {
		b.Readings = make([]readings, len(j.metrics))
	}
	for i, name := range j.metrics {
		b.Readings[i][side].add(name, o)
	}
}

// add takes what an observation tells of a metric. What is no number was not
// told.
func (r *reading) add(metric string, o *stagger.Observation) {
	for i := range o.Counts {
		if c := &o.Counts[i]; c.Metric == metric && c.N <= mostRequests {
			r.N += c.N
			r.Told++
		}
	}
	for i := range o.Gauges {
		if g := &o.Gauges[i]; g.Metric == metric && finite(g.Value) {
			r.Sum += g.Value
			r.Told++
		}
	}
}

// mostLevel bounds what a level can be: sums of levels stay numbers.
const mostLevel = 1e100

func finite(v float64) bool { return v >= -mostLevel && v <= mostLevel }

// hosted counts the hosts that met requests.
func hosted(hosts []stagger.Host) int {
	n := 0
	for i := range hosts {
		if hosts[i].Started > 0 {
			n++
		}
	}
	return n
}
