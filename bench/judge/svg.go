package main

import (
	"fmt"
	"html"
	"strings"
)

// canvas is an SVG under way. Its colours follow the reader's scheme, and it
// brings its own ground, so that it can be read wherever it is shown.
type canvas struct {
	width, height float64
	body          strings.Builder
}

const style = `
svg { color-scheme: light dark; font: 13px system-ui, sans-serif; }
.ground { fill: #ffffff; } text { fill: #1f2328; } .quiet { fill: #59636e; } .title { font-size: 15px; font-weight: 600; }
.grid { stroke: #d8dee4; fill: none; } .axis { stroke: #8c959f; fill: none; } .limit { stroke: #59636e; stroke-dasharray: 5 4; fill: none; }
.band { fill: #bf8700; opacity: .16; } .harm { fill: #cf222e; opacity: .14; }
.a { --c: #0969da; } .b { --c: #bc4c00; } .c { --c: #1a7f37; } .d { --c: #8250df; } .e { --c: #6e7781; }
.full { fill: var(--c); stroke: var(--c); } .hollow { fill: none; stroke: var(--c); stroke-width: 1.6; } .line { fill: none; stroke: var(--c); stroke-width: 2.2; stroke-linejoin: round; }
.thin { stroke-dasharray: 2 3; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; } text { fill: #e6edf3; } .quiet { fill: #9198a1; }
.grid { stroke: #262c34; } .axis { stroke: #656c76; } .limit { stroke: #9198a1; }
.band { fill: #d29922; opacity: .22; } .harm { fill: #f85149; opacity: .22; }
.a { --c: #58a6ff; } .b { --c: #f0883e; } .c { --c: #3fb950; } .d { --c: #bc8cff; } .e { --c: #9198a1; }
}
`

// add puts an element in.
func (c *canvas) add(format string, args ...any) {
	fmt.Fprintf(&c.body, format+"\n", args...)
}

// text writes words; anchor is start, middle or end.
func (c *canvas) text(x, y float64, anchor, class, words string) {
	c.add(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, html.EscapeString(words))
}

// upward writes words that rise along an axis.
func (c *canvas) upward(x, y float64, words string) {
	c.add(`<text transform="translate(%.1f %.1f) rotate(-90)" text-anchor="middle" class="quiet">%s</text>`, x, y, html.EscapeString(words))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.add(`<path class="%s" d="M%.1f %.1fL%.1f %.1f"/>`, class, x1, y1, x2, y2)
}

// point draws a dot with what it means for those who point at it.
func (c *canvas) point(class string, x, y float64, meaning string) {
	c.add(`<circle class="%s" cx="%.1f" cy="%.1f" r="4.2"><title>%s</title></circle>`, class, x, y, html.EscapeString(meaning))
}

func (c *canvas) area(class string, x, y, width, height float64) {
	c.add(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, x, y, width, height)
}

// steps draws a line through points that holds each value until the next.
func (c *canvas) steps(class string, xs, ys []float64) {
	var d strings.Builder
	for i := range xs {
		if i == 0 {
			fmt.Fprintf(&d, "M%.1f %.1f", xs[i], ys[i])
			continue
		}
		fmt.Fprintf(&d, "H%.1fV%.1f", xs[i], ys[i])
	}
	c.add(`<path class="%s" d="%s"/>`, class, d.String())
}

// file returns the whole SVG, with words for those who cannot see it.
func (c *canvas) file(title, told string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]g %[2]g" width="%[1]g" height="%[2]g" role="img" aria-labelledby="t d">
<title id="t">%[3]s</title>
<desc id="d">%[4]s</desc>
<style>%[5]s</style>
<rect class="ground" width="%[1]g" height="%[2]g" rx="6"/>
%[6]s</svg>
`, c.width, c.height, html.EscapeString(title), html.EscapeString(told), style, c.body.String())
}
