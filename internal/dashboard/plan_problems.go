package dashboard

import (
	"strings"
	"unicode/utf8"

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
	wrong, near := map[int][]int{}, map[int]bool{} // columns, by line
	for _, one := range all {
		if one.Line == 0 {
			continue
		}
		wrong[one.Line] = append(wrong[one.Line], one.Column)
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
		columns, is := wrong[n]
		p.Lines = append(p.Lines, planLine{N: n, Text: line, Wrong: is, Caret: carets(columns, utf8.RuneCountInString(line)), Gap: last > 0 && n > last+1})
		last = n
	}
	return p
}

// carets points at columns, from 1, of a line of so many characters.
func carets(columns []int, length int) string {
	under := []byte{}
	for _, c := range columns {
		at := min(max(c-1, 0), length)
		for len(under) <= at {
			under = append(under, ' ')
		}
		under[at] = '^'
	}
	return string(under)
}
