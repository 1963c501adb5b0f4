package recording

import (
	"bytes"
	"fmt"
	"iter"
)

// Source is a file and its lines. An error ends it.
type Source struct {
	File  string
	Lines iter.Seq2[[]byte, error]
}

// Ticks reads a recording of both versions, in order of time. A *Problem is
// about one line, and reading goes on after it; any other error ends it.
func Ticks(s Source, names Names) iter.Seq2[Tick, error] {
	return s.ticks(func(l *Line) string {
		switch l.Version {
		case names.Baseline:
			l.side = baseline
		case names.Candidate:
			l.side = candidate
		case "":
			return fmt.Sprintf("version is missing; write %q:%q or %q", "version", names.Baseline, names.Candidate)
		default:
			return fmt.Sprintf("version %q is neither %s nor %s; name the two with --baseline and --candidate, and leave others out",
				cut(l.Version), names.Baseline, names.Candidate)
		}
		return ""
	})
}

// alone reads a recording of one version, whatever its name.
func (s Source) alone(side int) iter.Seq2[Tick, error] {
	name, named := "", false
	return s.ticks(func(l *Line) string {
		if named && l.Version != name {
			return fmt.Sprintf("version %q follows %q in a file of one version; write one version a file, or give the file as --input", cut(l.Version), cut(name))
		}
		name, named = l.Version, true
		l.side = side
		return ""
	})
}

// ticks reads lines, asks whose each is, and puts them in order.
func (s Source) ticks(whose func(*Line) string) iter.Seq2[Tick, error] {
	return func(yield func(Tick, error) bool) {
		in := &sequence{file: s.File}
		number := 0
		for text, err := range s.Lines {
			number++
			if err != nil {
				yield(Tick{}, err)
				return
			}
			if !in.read(number, text, whose, yield) {
				return
			}
		}
		for len(in.pending) > 0 {
			if !in.give(yield) {
				return
			}
		}
	}
}

// read takes in the text of a line and gives out what is in order by then.
func (s *sequence) read(number int, text []byte, whose func(*Line) string, yield func(Tick, error) bool) bool {
	if number == 1 {
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return true
	}
	l, problem := parse(s.file, number, text)
	if problem == nil {
		if wrong := whose(&l); wrong != "" {
			problem = &Problem{File: s.file, Line: number, Column: 1, Path: "version", Message: wrong}
		}
	}
	if problem == nil {
		problem = s.add(l)
	}
	if problem != nil {
		return yield(Tick{}, problem)
	}
	for s.crowded() {
		if !s.give(yield) {
			return false
		}
	}
	return true
}

func (s *sequence) give(yield func(Tick, error) bool) bool {
	t, problem := s.pop()
	if problem != nil {
		return yield(Tick{}, problem)
	}
	return yield(t, nil)
}
