package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/goccy/go-yaml"

	"github.com/stagger-dev/stagger/internal/config"
)

// The kinds of files.
const (
	kindServer  = "server"
	kindRollout = "rollout"
	kindLoad    = "load"
)

// kindOf tells what a file is about by its keys.
func kindOf(data []byte) string {
	var keys map[string]any
	if yaml.Unmarshal(data, &keys) != nil {
		return kindRollout // its reader says what is wrong
	}
	for _, key := range []string{"services", "listeners", "admin", "store"} {
		if _, ok := keys[key]; ok {
			return kindServer
		}
	}
	for _, key := range []string{"targets", "requests", "rate", "profile", "edge_cases"} {
		if _, ok := keys[key]; ok {
			return kindLoad
		}
	}
	return kindRollout
}

// maxFile bounds what is read of a file, bytes.
const maxFile = 4 << 20

// readFile reads a file, or what is typed for "-".
func (s *session) readFile(file string) ([]byte, error) {
	from := s.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, invalid("%v", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		from = f
	}
	data, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	switch {
	case errors.Is(err, syscall.EISDIR):
		return nil, invalid("%s is a directory; write the path of a file", file)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", file, err)
	case len(data) > maxFile:
		return nil, invalid("%s is larger than %d MiB", file, maxFile>>20)
	}
	return data, nil
}

// located says each problem of a file of the kind on a line of its own, as
// compilers do, and leaves the sum of it as the error.
func (s *session) located(kind string, err error) error {
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		return err
	}
	for _, p := range problems {
		s.complain("%s", p)
	}
	return tally(len(problems), kind)
}

// tally is the error of n problems.
func tally(n int, kind string) error {
	what := "problems"
	if n == 1 {
		what = "problem"
	}
	return advise(invalid("%d %s", n, what), "'stagger schema %s' says what may be written", kind)
}
