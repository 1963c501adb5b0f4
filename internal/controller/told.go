package controller

import (
	"slices"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// toldSpan is how long what a version told of a metric is shown.
const toldSpan = time.Minute

// told is what versions told of their own metrics of late.
type told struct {
	gauges map[gaugeKey]gauge
	counts map[countKey][]increase
}

type gaugeKey struct{ version, metric, instance string }

type gauge struct {
	at    time.Time
	value float64
}

type countKey struct{ version, metric string }

type increase struct {
	at time.Time
	n  uint64
}

// hear takes in what a tick tells.
func (t *told) hear(tick stagger.Tick) {
	for i := range tick.Observations {
		o := &tick.Observations[i]
		if len(o.Gauges)+len(o.Counts) > 0 && t.gauges == nil {
			t.gauges, t.counts = map[gaugeKey]gauge{}, map[countKey][]increase{}
		}
		for _, g := range o.Gauges {
			t.gauges[gaugeKey{o.Version, g.Metric, g.Instance}] = gauge{tick.To, g.Value}
		}
		for _, c := range o.Counts {
			key := countKey{o.Version, c.Metric}
			t.counts[key] = append(t.counts[key], increase{tick.To, c.N})
		}
	}
}

// forget drops what is older than a minute at a time.
func (t *told) forget(now time.Time) {
	for key, g := range t.gauges {
		if now.Sub(g.at) > toldSpan {
			delete(t.gauges, key)
		}
	}
	for key, list := range t.counts {
		list = slices.DeleteFunc(list, func(i increase) bool { return now.Sub(i.at) > toldSpan })
		if t.counts[key] = list; len(list) == 0 {
			delete(t.counts, key)
		}
	}
}

// readings are those of a version that guardrails name, in their order.
func (t *told) readings(version string, guardrails []stagger.Guardrail) []stagger.Reading {
	var out []stagger.Reading
	for _, g := range guardrails {
		if g.Metric == "" {
			continue
		}
		if value, known := t.value(version, g); known {
			out = append(out, stagger.Reading{Signal: g.Signal, Metric: g.Metric, Value: value})
		}
	}
	return out
}

func (t *told) value(version string, g stagger.Guardrail) (value float64, known bool) {
	if g.Signal == stagger.SignalCount {
		return t.perSecond(countKey{version, g.Metric})
	}
	n, sum := 0, 0.0
	for key, told := range t.gauges {
		if key.version == version && key.metric == g.Metric {
			n++
			sum += told.value
		}
	}
	if n == 0 {
		return 0, false
	}
	return sum / float64(n), true
}

// perSecond is the rate between the first and the last increase that is
// remembered; the first is what happened before that.
func (t *told) perSecond(key countKey) (rate float64, known bool) {
	list := t.counts[key]
	if len(list) < 2 {
		return 0, false
	}
	var n uint64
	for _, i := range list[1:] {
		n += i.n
	}
	span := list[len(list)-1].at.Sub(list[0].at).Seconds()
	return float64(n) / span, span > 0
}

// backlog is the first gauge that tells what waits.
func backlog(readings []stagger.Reading) *float64 {
	for _, r := range readings {
		if r.Signal == stagger.SignalGauge && waits(r.Metric) {
			value := r.Value
			return &value
		}
	}
	return nil
}

// waits says whether the name of a metric speaks of what waits.
func waits(metric string) bool {
	name, _, _ := strings.Cut(strings.ToLower(metric), "{")
	return slices.ContainsFunc(strings.Split(name, "_"), func(word string) bool {
		switch strings.TrimSuffix(word, "s") {
		case "queue", "queued", "backlog", "pending", "waiting", "lag":
			return true
		}
		return false
	})
}
