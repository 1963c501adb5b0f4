package live

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// Columns of a finding beside its plot.
const (
	signWidth     = 2
	signalWidth   = 15
	ratioWidth    = 8
	evidenceWidth = 7 // of one bar
	evidenceGap   = 2
)

// evidence draws the findings and the sentence of the verdict.
func (p *picture) evidence(a amount) []string {
	v := p.verdict()
	findings := v.Findings
	if a.folded {
		findings = worst(findings)
	}
	var lines []string
	if len(findings) > 0 {
		lines = append(lines, p.axis())
	}
	for _, f := range findings {
		lines = append(lines, p.finding(f))
		if a.sentences && f.Sentence != "" {
			text := ansi.Truncate(f.Sentence, p.width-signWidth-signalWidth, "…")
			lines = append(lines, strings.Repeat(" ", signWidth+signalWidth)+p.Dim(text))
		}
	}
	if v.Sentence == "" {
		return lines
	}
	sign := present.Outcome(v.Outcome)
	head := pad(p.Tone(sign.Tone, "verdict"), label)
	return append(lines, wrapped(head, sign.Words+" · "+v.Sentence, p.width, 2)...)
}

func (p *picture) plotWidth() int {
	return p.width - signWidth - signalWidth - ratioWidth - 3*(evidenceWidth+evidenceGap)
}

// axis is the line above the findings.
func (p *picture) axis() string {
	width := p.plotWidth()
	same, limit := column(present.AxisSame, width), column(present.AxisLimit, width)
	worse := "worse ▸"
	if limit+5 > width-len([]rune(worse)) {
		worse = "▸"
	}
	cells := []rune(strings.Repeat(" ", width))
	for at, text := range map[int]string{0: "◂ better", same - 2: "same", limit - 1: "limit", width - len([]rune(worse)): worse} {
		copy(cells[at:], []rune(text))
	}
	line := strings.Repeat(" ", signWidth+signalWidth) + string(cells) + strings.Repeat(" ", ratioWidth)
	for _, name := range []string{"suspect", "rollback", "healthy"} {
		line += pad(name, -(evidenceWidth + evidenceGap))
	}
	return p.Dim(line)
}

func (p *picture) finding(f stagger.Finding) string {
	sign := present.Finding(f)
	var b strings.Builder
	b.WriteString(pad(p.Tone(sign.Tone, sign.Symbol), signWidth))
	b.WriteString(pad(ansi.Truncate(present.Signal(f), signalWidth-1, "…"), signalWidth))
	b.WriteString(p.interval(sign.Tone, present.AxisOf(f), p.plotWidth()))
	b.WriteString(pad(present.Estimate(f), -ratioWidth))
	b.WriteString(p.gauge(present.Warn, f.Suspect))
	b.WriteString(p.gauge(present.Bad, f.Rollback))
	b.WriteString(p.gauge(present.Good, f.Healthy))
	return b.String()
}

// gauge draws how far evidence is.
func (p *picture) gauge(t present.Tone, e float64) string {
	return strings.Repeat(" ", evidenceGap) + p.bar(t, present.Evidence(e), evidenceWidth)
}

// worst keeps one finding per signal: the most suspect, then the least healthy.
func worst(findings []stagger.Finding) []stagger.Finding {
	var kept []stagger.Finding
	for _, f := range findings {
		i := slices.IndexFunc(kept, func(k stagger.Finding) bool { return k.Signal == f.Signal })
		switch {
		case i < 0:
			kept = append(kept, f)
		case graver(f, kept[i]):
			kept[i] = f
		}
	}
	return kept
}

func graver(a, b stagger.Finding) bool {
	if a.Rollback != b.Rollback {
		return a.Rollback > b.Rollback
	}
	if a.Suspect != b.Suspect {
		return a.Suspect > b.Suspect
	}
	return a.Healthy < b.Healthy
}
