package risk

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// Baseline is how the version that is trusted answers.
type Baseline struct {
	Errors  float64 // share of requests that fail
	Latency Curve
	// Source says where it is known from, for people.
	Source string
}

// Level is the latency, in seconds, that the share q of requests stays within; 0
// when it is unknown.
func (b Baseline) Level(q float64) float64 {
	if b.Latency == nil {
		return 0
	}
	return histogram.Upper(b.Latency.quantile(q))
}

// Typed is a baseline of which people know the median and the 99th percentile,
// in seconds: log-normal. It is refused unless 0 < p50 < p99.
func Typed(errors, p50, p99 float64) (Baseline, error) {
	const z99 = 2.3263478740408408
	if !(p50 > 0 && p99 > p50) || math.IsInf(p99, 0) {
		return Baseline{}, fmt.Errorf("a p50 of %gms and a p99 of %gms are no distribution; write a p50 above 0 and a p99 above it", 1000*p50, 1000*p99)
	}
	if !(errors >= 0 && errors < 1) {
		return Baseline{}, fmt.Errorf("%g%% of requests cannot be what usually fails; write 0%% to below 100%%", 100*errors)
	}
	return Baseline{Errors: errors, Latency: LogNormal(p50, math.Log(p99/p50)/z99), Source: "as it was given"}, nil
}

// Usual is a baseline for those who have none: 0.1% errors, and latencies
// log-normal with a median of 20 ms and sigma 1, so that the 99th percentile is
// 205 ms.
func Usual() Baseline {
	return Baseline{
		Errors: 0.001, Latency: LogNormal(0.020, 1),
		Source: "assumed, not measured; latency log-normal with sigma 1",
	}
}

// Harm is what a candidate might do worse.
type Harm struct {
	Signal stagger.Signal
	// Text is how people write it, "errors=1%".
	Text string

	share    float64 // of requests that fail; 0: more or ratio counts
	more     float64 // of requests that fail, beside those that do anyway
	ratio    float64 // of the shares that fail
	quantile float64 // of latency
	increase float64 // relative, at the quantile
}

// quantiles are those that harms and the judge know, by name.
var quantiles = []struct {
	name string
	q    float64
}{{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}}

const grammar = "write errors=1%, errors=+1%, errors=3x, p50=+10%, p90, p95, p99=+50% or p99.9"

// ParseHarm reads "errors=1%" (the candidate fails so many), "errors=+1%" (so
// many more than the baseline), "errors=3x" (so many times as many) or
// "p99=+50%".
func ParseHarm(text string) (Harm, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return Harm{}, fmt.Errorf("%q is not a harm; %s", text, grammar)
	}
	if name == string(stagger.SignalErrors) {
		return parseErrors(text, value)
	}
	for _, known := range quantiles {
		if name == known.name {
			return parseLatency(text, value, known.q)
		}
	}
	return Harm{}, fmt.Errorf("%q is not measured; %s", name, grammar)
}

func parseErrors(text, value string) (Harm, error) {
	h := Harm{Signal: stagger.SignalErrors, Text: text}
	if number, ok := strings.CutSuffix(value, "x"); ok {
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !(v > 1 && v <= 10_000) {
			return Harm{}, fmt.Errorf("%q is no harm; write a ratio above 1x, up to 10000x, such as errors=3x", text)
		}
		h.ratio = v
		return h, nil
	}
	number, percent := strings.CutSuffix(value, "%")
	number, more := strings.CutPrefix(number, "+")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v <= 1) {
		return Harm{}, fmt.Errorf("%q is no harm; write a share above 0%%, up to 100%%, such as errors=1%%", text)
	}
	if h.share = v; more {
		h.share, h.more = 0, v
	}
	return h, nil
}

func parseLatency(text, value string, q float64) (Harm, error) {
	number, percent := strings.CutSuffix(strings.TrimPrefix(value, "+"), "%")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !percent || !(v > 0 && v <= 10_000) {
		return Harm{}, fmt.Errorf("%q is no harm; write an increase above 0%%, up to 10000%%, such as p99=+50%%", text)
	}
	return Harm{Signal: stagger.SignalLatency, Text: text, quantile: q, increase: v / 100}, nil
}

// Usually are the harms that are forecast when nobody names one: those that the
// plan guards against. A baseline that never fails has no multiple, so a share
// stands in its place; one of unknown latency cannot get slower.
func (q Question) Usually() []Harm {
	texts := []string{"errors=3x", "p99=+50%", "p50=+10%"}
	if q.Baseline.Errors == 0 {
		texts[0] = "errors=1%"
	}
	var harms []Harm
	for _, text := range texts {
		h, err := ParseHarm(text)
		if err != nil {
			panic(fmt.Sprintf("the usual harm %s: %v", text, err)) // they are constants
		}
		if _, guarded := q.guardrail(h.Signal); guarded && h.Possible(q.Baseline) {
			harms = append(harms, h)
		}
	}
	return harms
}

// Possible says whether the harm would make a baseline worse at all.
func (h Harm) Possible(b Baseline) bool {
	_, err := h.on(b)
	return err == nil
}

// on is b with the harm done to it. It is refused when it makes nothing worse.
func (h Harm) on(b Baseline) (Baseline, error) {
	switch {
	case h.Signal == stagger.SignalLatency && b.Latency == nil:
		return b, fmt.Errorf("%s: the baseline has no latency; give one that has, or name errors", h.Text)
	case h.Signal == stagger.SignalLatency:
		b.Latency = b.Latency.stretched(h.quantile, h.increase)
		return b, nil
	case h.ratio > 0 && b.Errors == 0:
		return b, fmt.Errorf("%s: the baseline never fails, so this is no harm; write a share, such as errors=1%%", h.Text)
	}
	worse := h.share
	switch {
	case h.more > 0:
		worse = min(b.Errors+h.more, 1)
	case h.ratio > 0:
		worse = min(h.ratio*b.Errors, 1)
	}
	if !(worse > b.Errors) || math.IsNaN(worse) {
		return b, fmt.Errorf("%s: the baseline fails %g%% already, so this is no harm; write more", h.Text, 100*b.Errors)
	}
	b.Errors = worse
	return b, nil
}
