package present

import (
	"fmt"
	"strings"

	"github.com/stagger-dev/stagger"
)

// Difference returns the sign of what a difference is taken for.
func Difference(f stagger.DifferenceFinding) Sign {
	switch f {
	case stagger.FoundDifference:
		return Sign{"✘", "differs", Bad}
	case stagger.FoundNoise:
		return Sign{"≈", "noise", Quiet}
	case stagger.FoundUnclear:
		return Sign{"…", "unclear", Quiet}
	}
	return Sign{"…", words(string(f)), Quiet}
}

// Dropped says why requests were not mirrored: "12 busy, 3 queue"; "" when all
// were.
func Dropped(ds []stagger.Dropped) string {
	parts := make([]string, len(ds))
	for i, d := range ds {
		parts[i] = fmt.Sprintf("%s %s", Count(d.N), words(d.Reason))
	}
	return strings.Join(parts, ", ")
}
