package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stagger-dev/stagger"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1; 0 when it belongs to no line
	Column  int    `json:"column"`
	Path    string `json:"path,omitempty"` // of the value, "stages[2].weight"
	Message string `json:"message"`        // what is wrong and what to write instead
}

// String writes "file:line:column: path: message".
func (p Problem) String() string {
	place := p.File
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	if p.Path == "" {
		return fmt.Sprintf("%s: %s", place, p.Message)
	}
	return fmt.Sprintf("%s: %s: %s", place, p.Path, p.Message)
}

// Problems is everything that is wrong with a file, in order of the lines.
type Problems []Problem

// Error writes a line per problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap tells that the input is invalid.
func (ps Problems) Unwrap() error {
	return &stagger.Error{Code: stagger.CodeInvalid, Message: ps.Error()}
}

// orNil returns ps, sorted, as an error, and nil when there is none.
func (ps Problems) orNil() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ps
}
