package config

import (
	"fmt"

	"github.com/stagger-dev/stagger"
)

// maxGuardrails bounds a plan: each metric is read, kept and judged, and every
// answer costs all the others some power.
const maxGuardrails = 20

// measured lists the signals, for people.
const measured = "errors, latency, goodput, retries, shadow, count, gauge or saturation"

func guardrailFaults(gs []stagger.Guardrail) []fault {
	switch {
	case len(gs) == 0:
		return []fault{faultf("guardrails", "nothing would be judged; write at least one guardrail, or remove the key for the defaults")}
	case len(gs) > maxGuardrails:
		return []fault{faultf("guardrails", "there are %d guardrails; write at most %d", len(gs), maxGuardrails)}
	}
	var out []fault
	seen := map[string]stagger.Signal{}
	for i, g := range gs {
		path := fmt.Sprintf("guardrails[%d]", i)
		out = append(out, twiceFaults(path, g, seen)...)
		out = append(out, metricFaults(path, g)...)
		out = append(out, measureFaults(path, g)...)
		if !(g.Alpha > 0 && g.Alpha <= 0.2) {
			out = append(out, faultf(path+".alpha", "%g is not a chance of a false alarm worth having; write more than 0 and at most 20%%", g.Alpha))
		}
		switch g.Action {
		case stagger.ActionRollback, stagger.ActionHold, stagger.ActionAlert:
		default:
			out = append(out, faultf(path+".action", "%q is not known; write rollback, hold or alert", string(g.Action)))
		}
	}
	return out
}

// twiceFaults finds what an earlier guardrail judges already; seen holds which
// signal judges what.
func twiceFaults(path string, g stagger.Guardrail, seen map[string]stagger.Signal) []fault {
	judged := subject(g)
	earlier, twice := seen[judged]
	switch {
	case !twice:
		seen[judged] = g.Signal
		return nil
	case earlier != g.Signal:
		return []fault{faultf(path+".metric", "%s has a guardrail as %s already, and a metric has one level; keep one", g.Metric, earlier)}
	case g.Metric != "":
		return []fault{faultf(path+".metric", "%s of %s has a guardrail already; keep one", g.Signal, g.Metric)}
	}
	return []fault{faultf(path+".signal", "%s has a guardrail already; keep one", g.Signal)}
}

// subject is what a guardrail judges. Gauge and saturation both judge the level
// of a metric.
func subject(g stagger.Guardrail) string {
	switch g.Signal {
	case stagger.SignalCount:
		return "count of " + Canonical(g.Metric)
	case stagger.SignalGauge, stagger.SignalSaturation:
		return "level of " + Canonical(g.Metric)
	default:
		return string(g.Signal)
	}
}

// metricFaults finds a metric that is missing, wrong, or where none belongs.
func metricFaults(path string, g stagger.Guardrail) []fault {
	switch {
	case !OfMetric(g.Signal) && g.Metric != "":
		return []fault{faultf(path+".metric", "%s is measured by the proxy and takes no metric; remove it, or write signal: count, gauge or saturation", g.Signal)}
	case !OfMetric(g.Signal):
		return nil
	case g.Metric == "":
		return []fault{faultf(path, "%s needs a metric; write metric: and the name of one that the service exposes", g.Signal)}
	}
	if _, err := ParseMetric(g.Metric); err != nil {
		return []fault{faultf(path+".metric", "%v", err)}
	}
	return nil
}

// OfMetric says whether a signal judges a metric of the service itself.
func OfMetric(s stagger.Signal) bool {
	return s == stagger.SignalCount || s == stagger.SignalGauge || s == stagger.SignalSaturation
}

// measureFaults checks the numbers of a guardrail against its signal.
func measureFaults(path string, g stagger.Guardrail) []fault {
	m := measures{path: path, guardrail: g}
	switch g.Signal {
	case stagger.SignalErrors, stagger.SignalGoodput, stagger.SignalShadow:
		m.in("tolerance", g.Tolerance, 1, 1000, "a ratio from 1x to 1000x")
		m.in("floor", g.Floor, 0, 0.5, "a share from 0% to 50%")
		m.in("healthy", g.Healthy, 1e-6, 0.5, "a share from 0.0001% to 50%")
		m.none("limit", g.Limit)
	case stagger.SignalLatency:
		m.in("tolerance", g.Tolerance, 0, 10, "an increase from 0% to 1000%")
		m.in("floor", g.Floor, 0, 60, "a duration from 0s to 60s")
		m.in("healthy", g.Healthy, 0.03, 10, "an increase from 3% to 1000%")
		m.none("limit", g.Limit)
		if g.Healthy <= g.Tolerance {
			m.faults = append(m.faults, faultf(path+".healthy", "%g is within the tolerance of %g, so nothing could be called healthy; write more", g.Healthy, g.Tolerance))
		}
	case stagger.SignalRetries:
		m.in("tolerance", g.Tolerance, 1, 1000, "a ratio from 1x to 1000x")
		m.in("floor", g.Floor, 0, 0.5, "a share from 0% to 50%")
		m.none("limit", g.Limit)
		if g.Healthy != 0 {
			m.in("healthy", g.Healthy, 1e-6, 0.5, "a share from 0.0001% to 50%, or remove it")
		}
	case stagger.SignalCount:
		m.in("tolerance", g.Tolerance, 1, 1000, "a ratio from 1x to 1000x")
		m.in("floor", g.Floor, 0, 1e6, "a number per request from 0 to 1e6")
		m.none("limit", g.Limit)
		m.none("healthy", g.Healthy)
	case stagger.SignalGauge, stagger.SignalSaturation:
		// The judge looks at levels up to twice the baseline's, and no further.
		m.in("tolerance", g.Tolerance, 0, 0.9, "an increase from 0% to 90%")
		m.in("floor", g.Floor, 0, 1e18, "a number from 0 to 1e18")
		m.in("limit", g.Limit, 0, 1e18, "a number from 0 to 1e18")
		m.none("healthy", g.Healthy)
	default:
		m.faults = append(m.faults, faultf(path+".signal", "%q is not measured; write %s", string(g.Signal), measured))
	}
	return m.faults
}

// measures gathers what is wrong with the numbers of a guardrail.
type measures struct {
	path      string
	guardrail stagger.Guardrail
	faults    []fault
}

func (m *measures) in(key string, v, low, high float64, write string) {
	if !(v >= low && v <= high) {
		m.faults = append(m.faults, faultf(m.path+"."+key, "%g is out of range; write %s", v, write))
	}
}

func (m *measures) none(key string, v float64) {
	if v != 0 {
		m.faults = append(m.faults, faultf(m.path+"."+key, "%s takes no key %s; remove it", m.guardrail.Signal, key))
	}
}

// exposureFaults finds guardrails on metrics that their service does not show.
func exposureFaults(start stagger.Start, services []stagger.Service) []fault {
	var out []fault
	for _, s := range services {
		if s.Name != start.Service || s.Metrics.Path != "" {
			continue
		}
		for i, g := range start.Plan.Guardrails {
			if OfMetric(g.Signal) {
				out = append(out, faultf(fmt.Sprintf("guardrails[%d].metric", i),
					"%s exposes no metrics; write metrics: {path: /metrics} for it in stagger.yaml", s.Name))
			}
		}
	}
	return out
}
