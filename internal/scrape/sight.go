package scrape

import (
	"fmt"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// startOf is what exporters tell of when their process began.
var startOf = config.Metric{Name: "process_start_time_seconds"}

// sight is what one answer says about one wish.
type sight struct {
	wish
	total   float64 // of all samples that match
	found   bool    // one matches
	counter bool
	trouble string // why it cannot be judged; "" when it can
}

// look finds what is wished in an answer.
func (x exposition) look(wishes []wish) []sight {
	out := make([]sight, len(wishes))
	for i, w := range wishes {
		s := sight{wish: w, trouble: x.trouble(w)}
		s.total, s.found = x.sum(w.metric)
		k := x.kind(w.metric.Name)
		s.counter = k == counter || k == unknown && w.signal == stagger.SignalCount
		out[i] = s
	}
	return out
}

// trouble says why a metric cannot be judged.
func (x exposition) trouble(w wish) string {
	name := w.metric.Name
	if !x.has(name) {
		return "it is not exposed; expose it from the start, at 0, or correct the guardrail's metric"
	}
	switch k := x.kind(name); {
	case k == histogram || k == summary:
		return fmt.Sprintf("it is a %s; judge its %s_count or %s_sum", k, name, name)
	case k == gauge && w.signal == stagger.SignalCount:
		return "it is a gauge, which does not count; write signal: gauge or saturation"
	}
	return ""
}

// remark is what people should know of a metric; "" for nothing.
func (s sight) remark() string {
	switch {
	case s.trouble != "" || s.found:
		return s.trouble
	case s.counter:
		return "no sample has these labels, so it counts as 0"
	default:
		return "no sample has these labels"
	}
}
