package scrape

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/stagger-dev/stagger/internal/config"
)

// The bounds of one answer.
const (
	maxBody    = 4 << 20
	maxLine    = 64 << 10
	maxSamples = 10_000 // of the metrics that are asked for
)

// kind is what sort of metric a family is.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
	summary   kind = "summary"
	unknown   kind = "untyped"
)

// exposition is what one answer says of the metrics that were asked for.
type exposition struct {
	kinds   map[string]kind
	samples map[string][]*dto.Metric
}

// readExposition reads the lines about the named metrics and skips all others,
// which may be many and need not be in order.
func readExposition(body io.Reader, names map[string]bool) (exposition, error) {
	x := exposition{kinds: make(map[string]kind), samples: make(map[string][]*dto.Metric)}
	limited := &io.LimitedReader{R: body, N: maxBody + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxLine)
	var kept bytes.Buffer
	for n := 0; lines.Scan(); {
		line := bytes.TrimSpace(lines.Bytes())
		switch {
		case bytes.HasPrefix(line, []byte("#")):
			x.learn(string(line))
		case names[nameOf(line)]:
			if n++; n > maxSamples {
				return x, fmt.Errorf("there are more than %d samples of the metrics that are judged", maxSamples)
			}
			kept.Write(line)
			kept.WriteByte('\n')
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return x, fmt.Errorf("a line has more than %d bytes", maxLine)
	case err != nil:
		return x, err
	case limited.N <= 0:
		return x, fmt.Errorf("the answer has more than %d bytes", maxBody)
	}
	return x, x.parse(&kept)
}

// parse reads the lines that were kept. Without their types, every family is
// untyped to the parser, so that it does not gather buckets and quantiles.
func (x exposition) parse(lines io.Reader) error {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(lines)
	if err != nil {
		return err
	}
	for name, family := range families {
		x.samples[name] = family.GetMetric()
	}
	return nil
}

func nameOf(line []byte) string {
	if i := bytes.IndexAny(line, "{ \t"); i >= 0 {
		line = line[:i]
	}
	return string(line)
}

// learn notes a line such as "# TYPE up gauge".
func (x exposition) learn(line string) {
	words := strings.Fields(line)
	if len(words) != 4 || words[0] != "#" || words[1] != "TYPE" || len(x.kinds) == maxSamples {
		return
	}
	switch k := kind(words[3]); k {
	case counter, gauge, histogram, summary:
		x.kinds[words[2]] = k
	default:
		x.kinds[words[2]] = unknown
	}
}

// kind says what a metric is. What counts in a histogram or a summary has no
// type of its own, and neither have old exporters' counters.
func (x exposition) kind(name string) kind {
	if k, told := x.kinds[name]; told && k != unknown {
		return k
	}
	for _, suffix := range []string{"_count", "_sum", "_bucket"} {
		if whole, cut := strings.CutSuffix(name, suffix); cut && (x.kinds[whole] == histogram || x.kinds[whole] == summary) {
			return counter
		}
	}
	if strings.HasSuffix(name, "_total") {
		return counter
	}
	return unknown
}

// has says whether anything is told of a metric.
func (x exposition) has(name string) bool {
	_, typed := x.kinds[name]
	return typed || len(x.samples[name]) > 0
}

// sum adds up the samples that match, and says whether there was one.
func (x exposition) sum(m config.Metric) (total float64, found bool) {
	for _, sample := range x.samples[m.Name] {
		if matches(sample, m.Labels) {
			total += sample.GetUntyped().GetValue()
			found = true
		}
	}
	return total, found
}

// matches says whether a sample has all the labels. One that is missing is an
// empty one, as in PromQL.
func matches(sample *dto.Metric, labels map[string]string) bool {
	found := 0
	for name, value := range labels {
		has := ""
		for _, l := range sample.GetLabel() {
			if l.GetName() == name {
				has = l.GetValue()
			}
		}
		if has == value {
			found++
		}
	}
	return found == len(labels)
}
