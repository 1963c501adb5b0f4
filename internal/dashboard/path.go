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

// How much of a path is drawn.
const (
	pathDrawn  = 120 // points of a line
	pathTold   = 12  // rows of the table behind a plot
	pathMarked = 60  // events; the newest stay
)

// evolution is how the evidence grew, as it is drawn.
type evolution struct {
	From, To time.Time
	Plots    []pathPlot
	Marks    []mark
	Key      []present.Sign // what the marks mean
}

// mark is an event on every plot.
type mark struct {
	present.Sign

	At    float64 // 0 the first point, 1 the last
	Named bool    // there is room for its symbol
}

// pathPlot is one finding over time.
type pathPlot struct {
	Name, Label, Growth string
	Now                 string // estimate, interval and limit
	Sign                present.Sign
	Band, Line          template.HTMLAttr // where the ratio lies, and its estimate
	Lines               []pathLine
	Rows                []pathRow
}

// pathLine is evidence on its way.
type pathLine struct {
	Name string
	Line template.HTMLAttr
	Now  float64
}

// pathRow is a point in words.
type pathRow struct {
	At                time.Time
	Advice            present.Sign
	Ratio, Between    string
	Suspect, Rollback float64
	Healthy           float64
}

// evolutionOf prepares a path with what happened meanwhile, newest first.
func evolutionOf(p stagger.Path, history []stagger.Event) evolution {
	if len(p.At) < 2 || len(p.Advice) != len(p.At) {
		return evolution{}
	}
	e := evolution{From: p.At[0], To: p.At[len(p.At)-1]}
	e.mark(history)
	drawn := slices.Compact(append([]int{0}, present.Columns(p.At, pathDrawn)...))
	told := slices.Compact(append([]int{0}, present.Columns(p.At, pathTold)...))
	places := present.Places(p.At)
	for _, s := range p.Slots {
		plot := plotOf(s, len(p.At)-1, drawn, places)
		for _, i := range told {
			f := present.At(s, i)
			plot.Rows = append(plot.Rows, pathRow{
				At: p.At[i], Advice: present.Advice(p.Advice[i]), Ratio: present.Estimate(f), Between: present.Interval(f),
				Suspect: present.Evidence(f.Suspect), Rollback: present.Evidence(f.Rollback), Healthy: present.Evidence(f.Healthy),
			})
		}
		e.Plots = append(e.Plots, plot)
	}
	return e
}

// decisive are the events that are marked.
var decisive = []stagger.EventKind{
	stagger.EventStageEntered, stagger.EventHeld, stagger.EventReleased, stagger.EventShed, stagger.EventRestored, stagger.EventBlinded,
	stagger.EventSighted, stagger.EventPaused, stagger.EventResumed, stagger.EventBaking, stagger.EventPromoted, stagger.EventRolledBack, stagger.EventAborted,
}

// mark places what happened between the first point and the last.
func (e *evolution) mark(history []stagger.Event) {
	whole := e.To.Sub(e.From).Seconds()
	for _, event := range history {
		// The path is kept to the millisecond.
		if !slices.Contains(decisive, event.Kind) || event.At.Before(e.From) || event.At.After(e.To.Add(time.Millisecond)) {
			continue
		}
		m := mark{Sign: present.Kind(event.Kind), At: min(event.At.Sub(e.From).Seconds()/whole, 1)}
		n := len(e.Marks)
		m.Named = n == 0 || e.Marks[n-1].At-m.At > 0.03
		e.Marks = append(e.Marks, m)
		if !slices.Contains(e.Key, m.Sign) {
			e.Key = append(e.Key, m.Sign)
		}
		if len(e.Marks) == pathMarked {
			break
		}
	}
	slices.Reverse(e.Key)
}

func plotOf(s stagger.PathSlot, last int, drawn []int, places []float64) pathPlot {
	now := present.At(s, last)
	p := pathPlot{Name: present.Signal(now), Sign: standing(now), Now: "no estimate yet, limit " + present.Ratio(s.Tolerance)}
	if present.AxisOf(now).Known {
		p.Now = fmt.Sprintf("%s (%s), limit %s", present.Estimate(now), present.Interval(now), present.Ratio(s.Tolerance))
	}
	p.Label = fmt.Sprintf("%s over time against its limit; now %s", p.Name, p.Now)
	p.Band, p.Line = ratios(s, drawn, places)
	for _, l := range []struct {
		name string
		of   func(stagger.Finding) float64
	}{
		{"suspect", func(f stagger.Finding) float64 { return f.Suspect }},
		{"rollback", func(f stagger.Finding) float64 { return f.Rollback }},
		{"healthy", func(f stagger.Finding) float64 { return f.Healthy }},
	} {
		grown := func(i int) float64 { return present.Evidence(l.of(present.At(s, i))) }
		p.Lines = append(p.Lines, pathLine{l.name, growth(drawn, places, grown), grown(last)})
	}
	p.Growth = fmt.Sprintf("evidence about %s over time; now suspect %.0f%%, rollback %.0f%%, healthy %.0f%%",
		p.Name, 100*p.Lines[0].Now, 100*p.Lines[1].Now, 100*p.Lines[2].Now)
	return p
}

// growth draws evidence; there is no line while there has been none.
func growth(drawn []int, places []float64, grown func(i int) float64) template.HTMLAttr {
	var points []string
	some := false
	for _, i := range drawn {
		e := grown(i)
		some = some || e > 0
		points = append(points, point(places[i], 1-e))
	}
	if !some {
		return attribute("")
	}
	return attribute("M" + strings.Join(points, "L"))
}

// standing is where an interval stands against its limit.
func standing(f stagger.Finding) present.Sign {
	a := present.AxisOf(f)
	switch {
	case !a.Known:
		return present.Sign{Symbol: "…", Words: "unknown", Tone: present.Quiet}
	case a.Low > present.AxisLimit:
		return present.Sign{Symbol: "✘", Words: "beyond the limit", Tone: present.Bad}
	case a.High < present.AxisLimit:
		return present.Sign{Symbol: "✔", Words: "within the limit", Tone: present.Good}
	}
	return present.Sign{Symbol: "…", Words: "open", Tone: present.Quiet}
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

// account is a line of the ledger.
type account struct {
	gauge

	Chance string
	Level  string
	Per    string
	Parts  string
}

func accountOf(a stagger.Account) account {
	name, chance, tone := present.Use(a.Use)
	out := account{gauge: gauge{name, tone, present.Evidence(a.Evidence)}, Chance: chance, Level: present.Chance(a.Level), Per: a.Per}
	if len(a.Parts) > 1 {
		var parts []string
		for _, p := range a.Parts {
			parts = append(parts, present.Signal(stagger.Finding{Signal: p.Signal, Slot: p.Slot, Metric: p.Metric})+" "+present.Chance(a.Level*p.Weight))
		}
		out.Parts = strings.Join(parts, " · ")
	}
	return out
}
