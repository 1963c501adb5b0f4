package dashboard

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger/internal/present"
)

// chart is a plot, as static/chart.js draws it in the browser. Each stands
// above a table with the same numbers, for those who do not see it.
type chart struct {
	X      numbers `json:"x,omitempty"`   // none for one over a timeline
	Log    bool    `json:"log,omitempty"` // X is drawn in logarithms
	XUnit  unit    `json:"xunit,omitempty"`
	Unit   unit    `json:"unit"`
	Base   float64 `json:"base,omitempty"`   // of unitPower
	Range  *extent `json:"range,omitempty"`  // of the values; nil for what they need
	Height int     `json:"height,omitempty"` // pixels
	Series []line  `json:"series"`
	Bands  []band  `json:"bands,omitempty"`
	Limits []limit `json:"limits,omitempty"`
}

// unit is how the values of a chart are said.
type unit string

// The units.
const (
	unitShare   unit = "share"   // of 1, in per cent
	unitSeconds unit = "seconds" // a latency
	unitRate    unit = "rate"    // per second
	unitCount   unit = "count"
	unitPower   unit = "power" // the ratio Base to the power of the value
)

// line is a series of values, one for each X.
type line struct {
	Label  string  `json:"label"`
	Tone   string  `json:"tone"` // a design token's name
	Values numbers `json:"values"`
	Dash   string  `json:"dash,omitempty"` // "dash" or "dot", so that no line is told by its colour alone
	Thin   bool    `json:"thin,omitempty"`
	Edge   bool    `json:"edge,omitempty"`  // of a band: not drawn itself
	Steps  string  `json:"steps,omitempty"` // stepsAfter or stepsBefore, "" for a line
}

// A value holds from its X on, or up to it.
const (
	stepsAfter  = "after"
	stepsBefore = "before"
)

// band is the area between two series.
type band struct {
	High int    `json:"high"` // place among Series
	Low  int    `json:"low"`
	Tone string `json:"tone"`
}

// limit is a line at one value.
type limit struct {
	At    float64 `json:"at"`
	Label string  `json:"label"`
	Tone  string  `json:"tone"`
}

// moment is something that happened, at one X.
type moment struct {
	At     float64 `json:"at"`
	Symbol string  `json:"symbol"`
	Label  string  `json:"label"`
	Tone   string  `json:"tone"`
}

// timeline is what all plots of a panel are drawn over: when their values were
// taken, and what happened meanwhile. It stands once above them, as data-timeline.
type timeline struct {
	At    []time.Time // at least one
	Marks []moment
}

// JSON is what the browser draws from. Times are seconds since the first, which is
// from: there are hundreds of them.
func (l timeline) JSON() (string, error) {
	from, since := instant(l.At[0]), make([]float64, len(l.At))
	for i, at := range l.At {
		since[i] = math.Round(1000*(instant(at)-from)) / 1000
	}
	b, err := json.Marshal(struct {
		From  float64   `json:"from"` // seconds since 1970, UTC
		X     []float64 `json:"x"`
		Marks []moment  `json:"marks"`
	}{from, since, l.Marks})
	return string(b), err
}

type extent [2]float64

// JSON is what the browser draws from.
func (c chart) JSON() (string, error) {
	b, err := json.Marshal(c)
	return string(b), err
}

// numbers are values to five digits; what is not a number is a gap.
type numbers []float64

// MarshalJSON writes gaps as null.
func (n numbers) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 8*len(n)+2)
	b = append(b, '[')
	for i, x := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			b = append(b, "null"...)
			continue
		}
		b = strconv.AppendFloat(b, x, 'g', 5, 64)
	}
	return append(b, ']'), nil
}

// instant is a time as the browser has it: seconds since 1970, UTC.
func instant(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// tone is the design token of a tone.
func tone(t present.Tone) string { return t.String() }
