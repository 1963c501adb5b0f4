package live

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// The size of the plots of a path.
const (
	pathLabel  = 11
	pathRows   = 7
	pathAside  = 5 // of what stands behind a plot
	pathNarrow = 10
	pathWide   = 120
)

// Path draws how evidence grew, on width columns: for each finding the ratio
// with its interval against the limit, and the evidence on its way.
func Path(p stagger.Path, style Style, width int) string {
	if len(p.At) == 0 {
		return ""
	}
	columns := present.Columns(p.At, min(max(width-pathLabel-pathAside, pathNarrow), pathWide))
	d := path{Style: style, Path: p, columns: columns}
	lines := append([]string{d.clock()}, d.advice()...)
	for _, s := range p.Slots {
		lines = append(lines, "")
		lines = append(lines, d.slot(s)...)
	}
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], width, "…")
	}
	return strings.Join(lines, "\n") + "\n"
}

// path is a path while it is drawn.
type path struct {
	Style
	stagger.Path

	columns []int // the point that each shows
}

// clock is the line that says from when to when.
func (d *path) clock() string {
	from, to := d.At[0].Local().Format("15:04:05"), d.At[len(d.At)-1].Local().Format("15:04:05")
	return d.Dim(pad("", pathLabel) + from + pad(to, -max(len(d.columns)-len(from), len(to)+1)))
}

// advice marks where it changed; each mark has its word in the key behind.
func (d *path) advice() []string {
	cells, signs := make([]string, len(d.columns)), []present.Sign{}
	for i := range cells {
		cells[i] = d.Dim("·")
	}
	for _, turn := range present.Turns(d.Path) {
		sign := present.Advice(d.Advice[turn])
		for c, shown := range d.columns {
			if shown >= turn {
				cells[c] = d.Tone(sign.Tone, sign.Symbol)
				break
			}
		}
		if !slices.Contains(signs, sign) {
			signs = append(signs, sign)
		}
	}
	lines := []string{pad("advice", pathLabel) + strings.Join(cells, "")}
	if len(signs) == 0 {
		return lines
	}
	words := make([]string, len(signs))
	for i, sign := range signs {
		words[i] = d.Sign(sign)
	}
	return append(lines, pad("", pathLabel)+strings.Join(words, "  "))
}

func (d *path) slot(s stagger.PathSlot) []string {
	last := present.At(s, len(d.At)-1)
	head := d.Strong(present.Signal(last)) + "  limit " + present.Ratio(s.Tolerance)
	if present.AxisOf(last).Known {
		head += ", now " + present.Estimate(last) + " (" + present.Interval(last) + ")"
	}
	lines := append([]string{head}, d.interval(s)...)
	return append(lines,
		d.spark("suspect", present.Warn, s, func(f stagger.Finding) float64 { return f.Suspect }),
		d.spark("rollback", present.Bad, s, func(f stagger.Finding) float64 { return f.Rollback }),
		d.spark("healthy", present.Good, s, func(f stagger.Finding) float64 { return f.Healthy }))
}

// interval draws the intervals as columns, worse above; the limit and "the
// same" are lines behind them.
func (d *path) interval(s stagger.PathSlot) []string {
	grid := make([][]string, pathRows)
	same, limit := pathRow(present.AxisSame), pathRow(present.AxisLimit)
	for r := range grid {
		cell := " "
		switch r {
		case limit:
			cell = d.Strong("─")
		case same:
			cell = d.Dim("╌")
		}
		grid[r] = make([]string, len(d.columns))
		for c := range grid[r] {
			grid[r][c] = cell
		}
	}
	for c, i := range d.columns {
		if a := present.AxisOf(present.At(s, i)); a.Known {
			d.column(grid, c, a)
		}
	}
	labels := map[int]string{0: "worse ▴", limit: "limit", same: "same", pathRows - 1: "better ▾"}
	lines := make([]string, pathRows)
	for r := range grid {
		lines[r] = strings.TrimRight(d.Dim(pad(labels[r], pathLabel))+strings.Join(grid[r], ""), " ")
	}
	return lines
}

// column draws one interval, in the tone of where it stands.
func (d *path) column(grid [][]string, c int, a present.Axis) {
	tone := present.Quiet
	switch {
	case a.Low > present.AxisLimit:
		tone = present.Bad
	case a.High < present.AxisLimit:
		tone = present.Good
	}
	for r := pathRow(a.High); r <= pathRow(a.Low); r++ {
		grid[r][c] = d.Tone(tone, "│")
	}
	if limit := pathRow(present.AxisLimit); limit >= pathRow(a.High) && limit <= pathRow(a.Low) {
		grid[limit][c] = d.Tone(tone, "┿")
	}
	grid[pathRow(a.Estimate)][c] = d.Tone(tone, "•")
}

// pathRow is the row of a place on the axis, 0 the top.
func pathRow(place float64) int {
	return min(max(int(math.Round((1-place)*(pathRows-1))), 0), pathRows-1)
}

// sparks are heights from nothing to enough. Only enough is full, and what is
// more than nothing shows.
var sparks = []rune(" ▁▂▃▄▅▆▇█")

func (d *path) spark(name string, t present.Tone, s stagger.PathSlot, evidence func(stagger.Finding) float64) string {
	var b strings.Builder
	for _, i := range d.columns {
		e := present.Evidence(evidence(present.At(s, i)))
		at := 0
		if e > 0 {
			at = 1 + int(e*float64(len(sparks)-2))
		}
		b.WriteRune(sparks[min(at, len(sparks)-1)])
	}
	now := fmt.Sprintf("%.0f%%", math.Floor(100*present.Evidence(evidence(present.At(s, len(d.At)-1)))))
	return d.Dim(pad(name, pathLabel)) + d.Tone(t, b.String()) + pad(now, -pathAside)
}
