package dashboard

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// Plots on paper are drawn on the server: they need no script, and are as sharp
// as the printer.

// paperDrawn is how many points a line on paper has.
const paperDrawn = 140

// paperPlot is one finding over time.
type paperPlot struct {
	Name, Label, Growth, Now string
	Sign                     present.Sign
	From, To                 time.Time
	Band, Middle             template.HTMLAttr // where the ratio lies, and its estimate
	Lines                    []paperLine
	Marks                    []paperMark
}

// paperLine is evidence on its way.
type paperLine struct {
	Name string
	Line template.HTMLAttr
	Now  float64
}

// paperMark is an event on the axis of time.
type paperMark struct {
	present.Sign

	At    float64 // 0 the first point, 1 the last
	Named bool    // there is room for its symbol
}

// paperPlots draws a path with what happened meanwhile, says what the symbols
// mean, and names the signals of which nothing was ever known.
func paperPlots(p stagger.Path, events []stagger.Event) (plots []paperPlot, key []present.Sign, unknown string) {
	if len(p.At) < 2 || len(p.Advice) != len(p.At) {
		return nil, nil, ""
	}
	marks, key := paperMarks(p, events)
	var missing []string
	drawn := slices.Compact(append([]int{0}, present.Columns(p.At, paperDrawn)...))
	places := present.Places(p.At)
	for _, s := range p.Slots {
		now := present.At(s, len(p.At)-1)
		if !everKnown(s, drawn) {
			missing = append(missing, present.Signal(now))
			continue
		}
		plot := paperPlot{
			Name: present.Signal(now), Sign: standing(now), Now: "no estimate, limit " + present.Ratio(s.Tolerance),
			From: p.At[0], To: p.At[len(p.At)-1], Marks: marks,
		}
		if present.AxisOf(now).Known {
			plot.Now = fmt.Sprintf("%s (%s), limit %s", present.Estimate(now), present.Interval(now), present.Ratio(s.Tolerance))
		}
		plot.Label = fmt.Sprintf("%s over time against its limit; at the end %s", plot.Name, plot.Now)
		plot.Band, plot.Middle = ratios(s, drawn, places)
		plot.grow(s, drawn, places)
		plots = append(plots, plot)
	}
	return plots, key, strings.Join(missing, ", ")
}

// everKnown says whether there is anything to draw of a signal.
func everKnown(s stagger.PathSlot, drawn []int) bool {
	return slices.ContainsFunc(drawn, func(i int) bool {
		f := present.At(s, i)
		return present.AxisOf(f).Known || max(f.Suspect, f.Rollback) > 0.01
	})
}

func paperMarks(p stagger.Path, events []stagger.Event) (marks []paperMark, key []present.Sign) {
	from, to := p.At[0], p.At[len(p.At)-1]
	for _, e := range events {
		// A path is kept to the millisecond.
		if !slices.Contains(decisive, e.Kind) || e.At.Before(from) || e.At.After(to.Add(time.Millisecond)) || len(marks) == pathMarked {
			continue
		}
		m := paperMark{Sign: present.Kind(e.Kind), At: min(e.At.Sub(from).Seconds()/to.Sub(from).Seconds(), 1)}
		n := len(marks)
		m.Named = n == 0 || m.At-marks[n-1].At > 0.03
		marks = append(marks, m)
		if !slices.Contains(key, m.Sign) {
			key = append(key, m.Sign)
		}
	}
	return marks, key
}

// grow draws the evidence on its way to enough.
func (p *paperPlot) grow(s stagger.PathSlot, drawn []int, places []float64) {
	for _, l := range []struct {
		name string
		of   func(stagger.Finding) float64
	}{
		{"suspect", func(f stagger.Finding) float64 { return f.Suspect }},
		{"rollback", func(f stagger.Finding) float64 { return f.Rollback }},
		{"healthy", func(f stagger.Finding) float64 { return f.Healthy }},
	} {
		var points []string
		for _, i := range drawn {
			points = append(points, point(places[i], 1-present.Evidence(l.of(present.At(s, i)))))
		}
		last := present.Evidence(l.of(present.At(s, len(places)-1)))
		p.Lines = append(p.Lines, paperLine{l.name, attribute("M" + strings.Join(points, "L")), last})
	}
	p.Growth = fmt.Sprintf("evidence about %s over time; at the end suspect %.0f%%, rollback %.0f%%, healthy %.0f%%", p.Name,
		100*p.Lines[0].Now, 100*p.Lines[1].Now, 100*p.Lines[2].Now)
}

// ratios draws where the ratio lies, with gaps where nothing is known.
func ratios(s stagger.PathSlot, drawn []int, places []float64) (band, estimate template.HTMLAttr) {
	var bands, lines strings.Builder
	var high, low, middle []string
	end := func() {
		if len(high) > 1 {
			slices.Reverse(low)
			bands.WriteString("M" + strings.Join(high, "L") + "L" + strings.Join(low, "L") + "Z")
			lines.WriteString("M" + strings.Join(middle, "L"))
		}
		high, low, middle = nil, nil, nil
	}
	for _, i := range drawn {
		a := present.AxisOf(present.At(s, i))
		if !a.Known {
			end()
			continue
		}
		high, low = append(high, point(places[i], 1-a.High)), append(low, point(places[i], 1-a.Low))
		middle = append(middle, point(places[i], 1-a.Estimate))
	}
	end()
	return attribute(bands.String()), attribute(lines.String())
}

// point writes a place in a square of 1000.
func point(x, y float64) string { return fmt.Sprintf("%.0f %.0f", 1000*x, 1000*y) }

// attribute makes the d of a path of coordinates.
func attribute(d string) template.HTMLAttr {
	return template.HTMLAttr(`d="` + d + `"`) //nolint:gosec // letters and numbers that this file wrote
}
