// Package present holds how things are shown to people, the same in the
// terminal and in the browser: signs for states, numbers as people read them,
// and the axis on which an interval stands against its limit.
//
// It is pure and knows neither colours nor markup; a Tone says what a sign
// means, and each face paints it in its own way. Signs differ by symbol and
// word too, so that colour is never the only one.
package present

// Tone is what a sign means to somebody who only glances.
type Tone int

// The tones.
const (
	Quiet Tone = iota // nothing to look at
	Live              // under way
	Good
	Warn // look here
	Bad
)

// String returns the tone as a word, for class names.
func (t Tone) String() string {
	switch t {
	case Live:
		return "live"
	case Good:
		return "good"
	case Warn:
		return "warn"
	case Bad:
		return "bad"
	case Quiet:
	}
	return "quiet"
}

// Sign is a state as it is shown: one column of symbol, and words.
type Sign struct {
	Symbol string
	Words  string
	Tone   Tone
}

// String returns symbol and words.
func (s Sign) String() string { return s.Symbol + " " + s.Words }
