package recording

import (
	"fmt"

	"github.com/stagger-dev/stagger"
)

// Problem is what is wrong with a recording at one place.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`           // from 1; 0 when it belongs to no line
	Column  int    `json:"column"`         // from 1, in characters
	Path    string `json:"path,omitempty"` // of the value, "latency.buckets"
	Message string `json:"message"`        // what is wrong and what to write instead
}

// Error writes "file:line:column: path: message".
func (p *Problem) Error() string {
	place := p.File
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	if p.Path == "" {
		return fmt.Sprintf("%s: %s", place, p.Message)
	}
	return fmt.Sprintf("%s: %s: %s", place, p.Path, p.Message)
}

// Unwrap tells that the input is invalid.
func (p *Problem) Unwrap() error {
	return &stagger.Error{Code: stagger.CodeInvalid, Message: p.Error()}
}
