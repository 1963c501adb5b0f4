package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The bounds of what chooses a metric.
const (
	maxMetric = 500 // bytes
	maxLabels = 10
)

// Metric chooses samples of one metric: those that have all the labels.
type Metric struct {
	Name   string
	Labels map[string]string // nil for none
}

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	oneLabel   = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*("(?:[^"\\]|\\["\\n])*")\s*(?:,|$)`)
)

// ParseMetric reads a name, and labels to choose by, as PromQL writes exact
// ones: payments_failed_total{kind="card",shop="north"}. The error says what to
// write instead.
func ParseMetric(s string) (Metric, error) {
	if len(s) > maxMetric {
		return Metric{}, fmt.Errorf("the metric has %d bytes; write at most %d", len(s), maxMetric)
	}
	name, labels, chosen := strings.Cut(strings.TrimSpace(s), "{")
	m := Metric{Name: strings.TrimSpace(name)}
	if !metricName.MatchString(m.Name) {
		return Metric{}, fmt.Errorf("%q is not the name of a metric; use letters, digits, '_' and ':', such as payments_failed_total", cut(m.Name))
	}
	if !chosen {
		return m, nil
	}
	labels, closed := strings.CutSuffix(labels, "}")
	if !closed {
		return Metric{}, errors.New(`the labels do not end; write } after them, as in failed_total{kind="card"}`)
	}
	var err error
	m.Labels, err = parseLabels(labels)
	return m, err
}

func parseLabels(s string) (map[string]string, error) {
	var labels map[string]string
	for rest := s; strings.TrimSpace(rest) != ""; {
		found := oneLabel.FindStringSubmatch(rest)
		if found == nil {
			return nil, fmt.Errorf(`%q are no labels; write name="value" and commas, with = only`, cut(rest))
		}
		value, err := strconv.Unquote(found[2])
		if err != nil {
			return nil, fmt.Errorf("the value %s cannot be read; write it between quotes on one line", cut(found[2]))
		}
		if _, twice := labels[found[1]]; twice {
			return nil, fmt.Errorf("the label %s is there twice; keep one", found[1])
		}
		if len(labels) == maxLabels {
			return nil, fmt.Errorf("there are more than %d labels; write fewer", maxLabels)
		}
		if labels == nil {
			labels = make(map[string]string)
		}
		labels[found[1]] = value
		rest = rest[len(found[0]):]
	}
	return labels, nil
}

// String writes m in one way only, whatever way it was written.
func (m Metric) String() string {
	if len(m.Labels) == 0 {
		return m.Name
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m.Labels)) {
		list = append(list, name+"="+strconv.Quote(m.Labels[name]))
	}
	return m.Name + "{" + strings.Join(list, ",") + "}"
}

// Canonical writes a metric in one way only; what is none stays as it is.
func Canonical(metric string) string {
	m, err := ParseMetric(metric)
	if err != nil {
		return metric
	}
	return m.String()
}
