package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/stagger-dev/stagger/internal/recording"
)

// mostProblems is how many problems of a recording are told.
const mostProblems = 20

// source opens a recording, or what is typed for "-"; done closes it.
func (s *session) source(file string) (recording.Source, func(), error) {
	if file == "-" {
		return recording.Source{File: file, Lines: lineByLine(file, s.in)}, func() {}, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return recording.Source{}, nil, invalid("%v", err)
	}
	done := func() { _ = f.Close() } // it was only read
	return recording.Source{File: file, Lines: lineByLine(file, f)}, done, nil
}

// lineByLine reads lines of bounded length; each is valid until the next.
func lineByLine(file string, from io.Reader) func(func([]byte, error) bool) {
	return func(yield func([]byte, error) bool) {
		scanner := bufio.NewScanner(from)
		scanner.Buffer(nil, recording.MaxLine+2) // and the end of the line
		n := 0
		for ; scanner.Scan(); n++ {
			if !yield(scanner.Bytes(), nil) {
				return
			}
		}
		switch err := scanner.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			yield(nil, &recording.Problem{
				File: file, Line: n + 1, Column: 1,
				Message: fmt.Sprintf("the line is longer than %d bytes; is it JSON Lines, one object a line?", recording.MaxLine),
			})
		case err != nil:
			yield(nil, fmt.Errorf("read %s: %w", file, err))
		}
	}
}

// unsound is the error of a recording with n problems.
func unsound(n int) error {
	switch {
	case n == 0:
		return nil
	case n >= mostProblems:
		return advise(invalid("%d problems or more", n), "'stagger judge --help' says what a line holds")
	case n == 1:
		return advise(invalid("1 problem"), "'stagger judge --help' says what a line holds")
	}
	return advise(invalid("%d problems", n), "'stagger judge --help' says what a line holds")
}
