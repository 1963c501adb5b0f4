package dashboard

import (
	"strings"

	"github.com/stagger-dev/stagger/internal/config"
)

// planProblems is what is wrong with a file, and the lines it is wrong in.
type planProblems struct {
	All   []config.Problem
	Lines []planLine
}

// planLine is a line of the file, as it was typed.
type planLine struct {
	N     int
	Text  string
	Wrong bool
	Caret string // under the text, where it is wrong
	Gap   bool   // lines are left out before it
}

// linesAround is how many lines are shown before and after one that is wrong.
const linesAround = 2

// problemsOf marks the lines of a text.
func problemsOf(all config.Problems, text string) *planProblems {
	p := &planProblems{All: all}
	wrong, near := map[int]int{}, map[int]bool{}
	for _, one := range all {
		if _, seen := wrong[one.Line]; one.Line == 0 || seen {
			continue
		}
		wrong[one.Line] = max(one.Column, 1)
		for n := one.Line - linesAround; n <= one.Line+linesAround; n++ {
			near[n] = true
		}
	}
	last := 0
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		n := i + 1
		if !near[n] {
			continue
		}
		l := planLine{N: n, Text: line, Gap: last > 0 && n > last+1}
		if column, ok := wrong[n]; ok {
			l.Wrong, l.Caret = true, strings.Repeat(" ", min(column-1, len([]rune(line))))+"^"
		}
		p.Lines, last = append(p.Lines, l), n
	}
	return p
}
