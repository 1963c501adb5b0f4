package live

import (
	"math"
	"strings"

	"github.com/stagger-dev/stagger/internal/present"
)

// The strokes: what is filled, what is not, and the half between.
const (
	heavy = "━"
	half  = "╸"
	light = "─"
)

// Bar draws how far something is that is under way, 0 to 1, on width
// columns.
func (y Style) Bar(share float64, width int) string { return y.bar(present.Live, share, width) }

// Gauge draws how far something is in a tone, 0 to 1, on width columns.
func (y Style) Gauge(t present.Tone, share float64, width int) string { return y.bar(t, share, width) }

// bar draws share, 0 to 1, on width columns, to half a column. What is more
// than nothing shows, and what is less than all does not look full.
func (y Style) bar(t present.Tone, share float64, width int) string {
	full, rest := strokes(share, width)
	return y.Tone(t, full) + y.Dim(rest)
}

func strokes(share float64, width int) (full, rest string) {
	steps := int(math.Round(share * float64(2*width)))
	if share > 0 && share < 1 {
		steps = min(max(steps, 1), 2*width-1)
	}
	steps = min(max(steps, 0), 2*width)
	full = strings.Repeat(heavy, steps/2)
	if steps%2 == 1 {
		full += half
	}
	return full, strings.Repeat(light, width-(steps+1)/2)
}

// marked draws a bar with a mark at another share.
func (y Style) marked(t present.Tone, share, mark float64, width int) string {
	full, rest := strokes(share, width)
	cells := []rune(full + rest)
	at := column(mark, width)
	border := len([]rune(full))
	var b strings.Builder
	b.WriteString(y.Tone(t, string(cells[:min(at, border)])))
	b.WriteString(y.Dim(string(cells[min(at, border):at])))
	if at < border {
		b.WriteString(y.Strong("╋"))
	} else {
		b.WriteString(y.Strong("┼"))
	}
	if at+1 < width {
		b.WriteString(y.Tone(t, string(cells[at+1:max(at+1, border)])))
		b.WriteString(y.Dim(string(cells[max(at+1, border):])))
	}
	return b.String()
}

// column is the column of a place, 0 to 1, on width columns.
func column(place float64, width int) int {
	return min(max(int(math.Round(place*float64(width-1))), 0), width-1)
}

// interval draws an axis on width columns: the interval, its estimate, the
// place of "the same" and the limit.
func (y Style) interval(t present.Tone, a present.Axis, width int) string {
	cells := make([]string, width)
	for i := range cells {
		cells[i] = " "
	}
	same, limit := column(present.AxisSame, width), column(present.AxisLimit, width)
	if a.Known {
		low, high := column(a.Low, width), column(a.High, width)
		for i := low; i <= high; i++ {
			cells[i] = y.Tone(t, light)
		}
	}
	cells[same] = y.Dim("│")
	cells[limit] = y.Strong("┃")
	if !a.Known {
		return y.Dim(pad("no estimate", same)) + strings.Join(cells[same:], "")
	}
	first, last := 0, width-1
	if a.Below {
		cells[0] = y.Tone(t, "◂")
		first++
	}
	if a.Above {
		cells[width-1] = y.Tone(t, "▸")
		last--
	}
	cells[min(max(column(a.Estimate, width), first), last)] = y.Tone(t, "●")
	return strings.Join(cells, "")
}
