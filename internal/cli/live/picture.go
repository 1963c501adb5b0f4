package live

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// The least and the most columns a picture is made for.
const (
	narrowest = 60
	widest    = 132
)

// picture is what one Render works on.
type picture struct {
	*Model
	Style

	width int
}

// Render draws m on width columns and at most height lines, the most important
// first to stay; a height of 0 is unbounded. The result has no newline at its
// end and is the same for the same input.
func Render(m Model, y Style, width, height int) string {
	p := picture{Model: &m, Style: y, width: min(max(width, narrowest), widest)}
	if m.Rollout.ID == "" {
		return y.Dim("waiting for the first event …")
	}
	lines := p.fit(height)
	for i, line := range lines {
		lines[i] = strings.TrimRight(ansi.Truncate(line, width, "…"), " ")
	}
	return strings.Join(lines, "\n")
}

// amount is how much is shown of what can be left out.
type amount struct {
	events    int
	sentences bool // of every finding
	folded    bool // one finding per signal, the worst
}

// amounts are tried in this order.
var amounts = []amount{
	{events: 6, sentences: true},
	{events: 6},
	{events: 4},
	{events: 3},
	{events: 2},
	{events: 3, folded: true},
	{events: 1, folded: true},
}

// fit composes as much as height has room for.
func (p *picture) fit(height int) []string {
	var blocks [][]string
	for i, a := range amounts {
		blocks = p.blocks(a)
		// Generous pictures need all their air, meagre ones do without most.
		air := len(blocks) - 1
		if i >= 2 {
			air = 2
		}
		if height <= 0 || count(blocks)+air <= height {
			break
		}
	}
	lines := join(blocks, height)
	if height > 0 && len(lines) > height {
		lines = lines[:height]
	}
	return lines
}

func (p *picture) blocks(a amount) [][]string {
	all := [][]string{p.header(), p.ladder(), p.traffic(), p.evidence(a), p.next(), p.history(a.events)}
	blocks := all[:0]
	for _, b := range all {
		if len(b) > 0 {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

func count(blocks [][]string) int {
	n := 0
	for _, b := range blocks {
		n += len(b)
	}
	return n
}

// join puts an empty line between blocks while there is room.
func join(blocks [][]string, height int) []string {
	room := len(blocks)
	if height > 0 {
		room = height - count(blocks)
	}
	var lines []string
	for i, b := range blocks {
		if i > 0 && room > 0 {
			lines = append(lines, "")
			room--
		}
		lines = append(lines, b...)
	}
	return lines
}

// apart puts left and right to the two ends of a line.
func (p *picture) apart(left, right string) string {
	room := p.width - ansi.StringWidth(right) - 2
	left = ansi.Truncate(left, max(room, 10), "…")
	gap := max(p.width-ansi.StringWidth(left)-ansi.StringWidth(right), 1)
	return left + strings.Repeat(" ", gap) + right
}

// pad fills s up to width columns; negative widths put s to the right.
func pad(s string, width int) string {
	gap := strings.Repeat(" ", max(0, max(width, -width)-ansi.StringWidth(s)))
	if width < 0 {
		return gap + s
	}
	return s + gap
}
