package live

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
	"github.com/stagger-dev/stagger/internal/present"
)

// label is the column in which lines begin that have a label.
const label = 10

// staleAfter is how old news may be before it is said.
const staleAfter = 4 * time.Second

func (p *picture) header() []string {
	r := p.Rollout
	end := p.now()
	if !r.EndedAt.IsZero() {
		end = r.EndedAt
	}
	sign := present.Phase(r.Phase)
	if hold := present.Hold(r.Hold); hold != "" && r.Phase != stagger.PhasePaused {
		sign.Words += ": " + hold
		sign.Tone = present.Warn
	}
	left := p.Strong(r.Service) + "  " + r.Baseline + " → " + p.Strong(r.Candidate)
	lines := []string{p.apart(left, p.Sign(sign)+"  "+present.Span(end.Sub(r.CreatedAt).Truncate(time.Second)))}
	second := present.Change(r.Change)
	if second == "" {
		second = r.ID
	}
	if age := p.now().Sub(p.Progress.At); p.seen() && !r.Phase.Final() && age > staleAfter {
		return append(lines, p.apart(p.Dim(second), p.Tone(present.Warn, "! no news for "+present.Span(age.Truncate(time.Second)))))
	}
	if p.Page != "" && !r.Phase.Final() {
		return append(lines, p.apart(p.Dim(second), p.Dim(p.Page)))
	}
	return append(lines, p.Dim(second))
}

// seen says whether any progress is known.
func (p *picture) seen() bool { return p.Progress.Rollout != "" }

// ladder is the line of stages, and how far the active one is.
func (p *picture) ladder() []string {
	rungs := present.Ladder(p.Rollout, p.now())
	active := slices.IndexFunc(rungs, func(r present.Rung) bool { return r.Active })
	lines := []string{p.rungs(rungs, max(active, 0))}
	if active >= 0 && !p.Rollout.StageAt.IsZero() {
		lines = append(lines, p.stay(rungs[active]))
	}
	return lines
}

// rungs draws the stages, those far from the active one left out if they do
// not fit.
func (p *picture) rungs(rungs []present.Rung, active int) string {
	for from, to := 0, len(rungs); ; {
		line := p.segments(rungs, from, to)
		if ansi.StringWidth(line) <= p.width || to-from <= 1 {
			return line
		}
		if active-from > to-1-active {
			from++
		} else {
			to--
		}
	}
}

func (p *picture) segments(rungs []present.Rung, from, to int) string {
	var parts []string
	if from > 0 {
		parts = append(parts, p.Dim("…"))
	}
	for _, r := range rungs[from:to] {
		text := r.Sign.Symbol + " " + r.Name
		if r.Who != r.Name {
			text += " " + r.Who
		}
		switch {
		case r.Active:
			text = p.Strong(p.Tone(r.Sign.Tone, text))
		case r.Sign.Tone == present.Quiet:
			text = p.Dim(text)
		default:
			text = p.Tone(r.Sign.Tone, text)
		}
		parts = append(parts, text)
	}
	if to < len(rungs) {
		parts = append(parts, p.Dim("…"))
	}
	return strings.Join(parts, p.Dim(" ── "))
}

// stay draws how long the active stage runs, against the least and the most.
func (p *picture) stay(r present.Rung) string {
	whole := max(r.Most, r.Least)
	if r.Most == 0 && p.Rollout.Stage < len(p.Rollout.Plan.Stages) {
		whole = 2 * r.Least // it may stay for ever
	}
	words := []string{present.Span(r.Spent.Truncate(time.Second))}
	if bounds := r.Bounds(); bounds != "" {
		words = append(words, bounds)
	}
	if judged := r.Judged(p.verdict()); judged != "" {
		words = append(words, judged)
	}
	text := strings.Join(words, " · ")
	if whole <= 0 {
		return pad("stage", label) + text
	}
	width := max(p.width-label-ansi.StringWidth(text)-2, 8)
	share := min(r.Spent.Seconds()/whole.Seconds(), 1)
	line := p.bar(present.Live, share, width)
	if r.Least > 0 && r.Least < whole {
		line = p.marked(present.Live, share, r.Least.Seconds()/whole.Seconds(), width)
	}
	return pad("stage", label) + line + "  " + text
}

// traffic is who meets what, and how both versions do.
func (p *picture) traffic() []string {
	if !p.seen() {
		return nil
	}
	s, observed := engine.Split(p.Rollout), p.observed()
	words := fmt.Sprintf("wanted %s · observed %s", present.Wanted(s, p.Rollout.Candidate), present.Share(observed))
	width := max(p.width-label-ansi.StringWidth(words)-2, 8)
	split := p.marked(present.Live, observed, s.Weight.Share(), width)
	if len(s.Rules) > 0 && s.Weight == 0 {
		split = p.bar(present.Live, observed, width) // how many match is not known beforehand
	}
	columns := []int{max(label, p.nameWidth()), 11, -10, -9, -9, -9, -9, -11}
	head := []string{"", "", "req/s", "errors", "p50", "p95", "p99", "in flight"}
	return append([]string{
		pad("split", label) + split + "  " + words,
		p.Dim(row(head, columns)),
		row(levels(p.Rollout.Baseline, "baseline", p.Progress.Baseline), columns),
		row(levels(p.Rollout.Candidate, "candidate", p.Progress.Candidate), columns),
	}, p.burden()...)
}

// observed is the share that meets the candidate. That the traffic has followed
// the end is known before the last measurement comes.
func (p *picture) observed() float64 {
	switch {
	case p.Rollout.Converged.IsZero():
		return p.Progress.Observed
	case p.Rollout.Phase == stagger.PhasePromoted:
		return 1
	}
	return 0
}

func (p *picture) nameWidth() int {
	longest := max(ansi.StringWidth(p.Rollout.Baseline), ansi.StringWidth(p.Rollout.Candidate))
	return min(longest, p.width-70) + 1
}

func levels(name, role string, l stagger.Level) []string {
	failed := present.Share(l.Errors)
	if l.Rate == 0 {
		failed = present.Unknown
	}
	return []string{
		name, role, present.Rate(l.Rate), failed,
		present.Latency(l.P50), present.Latency(l.P95), present.Latency(l.P99), present.Count(uint64(max(l.InFlight, 0))),
	}
}

func row(cells []string, widths []int) string {
	var b strings.Builder
	for i, c := range cells {
		w := max(widths[i], -widths[i])
		b.WriteString(pad(ansi.Truncate(c, w, "…"), widths[i]))
	}
	return b.String()
}

// next says what comes, and in how long.
func (p *picture) next() []string {
	if !p.seen() || p.Rollout.Phase.Final() {
		return wrapped(pad(p.Strong("why"), label), p.Rollout.Reason, p.width, 3)
	}
	return wrapped(pad(p.Strong("next"), label), p.Progress.Next, p.width, 2)
}

// history lists the last n events, the newest last.
func (p *picture) history(n int) []string {
	events := p.Events
	if len(events) > n {
		events = events[len(events)-n:]
	}
	var lines []string
	for _, e := range events {
		lines = append(lines, ansi.Truncate(p.Line(e), p.width, "…"))
	}
	return lines
}

// Line writes one event on one line.
func (y Style) Line(e stagger.Event) string {
	sign := present.Kind(e.Kind)
	who := ""
	if e.Actor != "" && e.Actor != "stagger" && !strings.HasPrefix(e.Reason, e.Actor) {
		who = "by " + e.Actor + ": "
	}
	return y.Dim(e.At.Local().Format(time.TimeOnly)) + "  " +
		y.Tone(sign.Tone, pad(sign.String(), 18)) + pad(e.Weight.String(), -5) + "  " + strings.TrimSuffix(who+e.Reason, ": ")
}

// wrapped puts text behind a label on at most n lines.
func wrapped(head, text string, width, n int) []string {
	if text == "" {
		return nil
	}
	lines := strings.Split(ansi.Wordwrap(text, width-label, ""), "\n")
	if len(lines) > n {
		lines[n-1] = ansi.Truncate(strings.Join(lines[n-1:], " "), width-label, "…")
		lines = lines[:n]
	}
	for i := range lines {
		if i == 0 {
			lines[i] = head + lines[i]
		} else {
			lines[i] = strings.Repeat(" ", label) + lines[i]
		}
	}
	return lines
}
