package scrape

import (
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/config"
)

func TestTheKindOfAMetricIsWhatItsTypeSays(t *testing.T) {
	x, err := readExposition(strings.NewReader(`# HELP up TYPE up gauge
# TYPE up counter
# TYPE took histogram
# TYPE bare untyped
# TYPE level_total gauge
# TYPE odd stateset
took_sum 3
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]kind{
		"up": counter, "took": histogram, "took_sum": counter, "took_count": counter, "took_total": counter, "bare": unknown,
		"bare_sum": unknown, "level_total": gauge, "odd": unknown, "nowhere": unknown, "nowhere_total": counter,
	} {
		if got := x.kind(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestSamplesThatMatchAreSummed(t *testing.T) {
	x, err := readExposition(strings.NewReader(`other{a="b"} 1000
n{a="x",b="y"} 1 1700000000000
 n { a = "x" , b = "z" } 2
n{a="\"\\\n"} 4
n 8
nn 16
`), map[string]bool{"n": true})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]float64{
		"n": 15, "n{a=\"x\"}": 3, "n{a=\"x\",b=\"z\"}": 2, "n{b=\"\"}": 12, "n{c=\"\"}": 15, "n{a=\"\"}": 8, `n{a="\"\\\n"}`: 4, "n{a=\"q\"}": 0,
	} {
		m, err := config.ParseMetric(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, found := x.sum(m); got != want || found != (want > 0) {
			t.Errorf("%s is %g, %v; want %g", text, got, found, want)
		}
	}
}

func FuzzExposition(f *testing.F) {
	f.Add("# TYPE n counter\nn{a=\"b\"} 1\nn 2e3 17\n")
	f.Add("n{a=\"\\\"} NaN\n\n#\n# TYPE\nn")
	f.Add("n_bucket{le=\"+Inf\"} 1\nn{quantile=\"x\"} 1\n")
	names := map[string]bool{"n": true, "n_bucket": true}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := readExposition(strings.NewReader(text), names)
		if err != nil {
			return
		}
		for name := range x.samples {
			if !names[name] {
				t.Errorf("%q is kept, which nobody asked for", name)
			}
		}
	})
}
