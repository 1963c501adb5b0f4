package live

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// burden is what both versions bear where anybody tells of it, and who met the
// candidate so far.
func (p *picture) burden() []string {
	var lines []string
	if text := p.borne(); text != "" {
		lines = append(lines, pad("load", label)+ansi.Truncate(text, p.width-label, "…"))
	}
	if text := present.Exposure(p.exposure(), p.Rollout.Candidate); text != "" {
		lines = append(lines, pad("met", label)+ansi.Truncate(text, p.width-label, "…"))
	}
	return lines
}

// exposure is the one that was kept at the end, or that of now.
func (p *picture) exposure() stagger.Exposure {
	if kept := p.Rollout.Exposure; kept != nil {
		return *kept
	}
	return p.Progress.Exposure
}

// borne says saturation and backlog of the baseline and of the candidate.
func (p *picture) borne() string {
	base, candidate := p.Progress.Baseline, p.Progress.Candidate
	var parts []string
	if base.Saturation != nil || candidate.Saturation != nil {
		parts = append(parts, "saturation "+known(base.Saturation, present.Share)+" → "+known(candidate.Saturation, present.Share))
	}
	if base.Backlog != nil || candidate.Backlog != nil {
		parts = append(parts, "backlog "+known(base.Backlog, present.Plain)+" → "+known(candidate.Backlog, present.Plain))
	}
	return strings.Join(parts, " · ")
}

func known(x *float64, say func(float64) string) string {
	if x == nil {
		return present.Unknown
	}
	return say(*x)
}
