package live

import (
	"github.com/charmbracelet/x/ansi"

	"github.com/stagger-dev/stagger/internal/present"
)

// Style paints. The zero Style is plain: neither colours nor weights.
type Style struct{ colour bool }

// Plain leaves everything as it is.
func Plain() Style { return Style{} }

// Colour uses the terminal's own sixteen colours, so that it fits any theme.
func Colour() Style { return Style{colour: true} }

// Tone paints s in the colour of t.
func (y Style) Tone(t present.Tone, s string) string {
	switch t {
	case present.Live:
		return y.with(ansi.Style{}.ForegroundColor(ansi.Cyan), s)
	case present.Good:
		return y.with(ansi.Style{}.ForegroundColor(ansi.Green), s)
	case present.Warn:
		return y.with(ansi.Style{}.ForegroundColor(ansi.Yellow), s)
	case present.Bad:
		return y.with(ansi.Style{}.ForegroundColor(ansi.Red), s)
	case present.Quiet:
	}
	return s
}

// Sign paints symbol and words.
func (y Style) Sign(s present.Sign) string { return y.Tone(s.Tone, s.String()) }

// Strong makes s stand out.
func (y Style) Strong(s string) string { return y.with(ansi.Style{}.Bold(), s) }

// Dim makes s stand back.
func (y Style) Dim(s string) string { return y.with(ansi.Style{}.Faint(), s) }

func (y Style) with(style ansi.Style, s string) string {
	if !y.colour || s == "" {
		return s
	}
	return style.Styled(s)
}
