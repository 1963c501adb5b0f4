package recording

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/judge"
)

// sealed is the age at which intervals of a recording count as sealed: beyond
// every duration there is a bucket for, since nobody says how long the recorder
// waited. An unfinished request then counts as slower than any threshold.
const sealed = 2 * time.Minute

// mostMissing is the share of a recording that may be missing before it can no
// longer be called healthy.
const mostMissing = 0.1

// Case is what there is to judge.
type Case struct {
	Names      Names
	Guardrails []stagger.Guardrail
	// Planned is how long the rollout is meant to take; zero is an hour.
	Planned time.Duration
	// BlindAfter is how long telemetry may be missing; zero is ten seconds.
	BlindAfter time.Duration
	// WarmUp is the half-life of what a candidate that has just started is allowed.
	WarmUp time.Duration
}

// Hearing shows a recording to a judge, tick by tick, and notes what it decides.
type Hearing struct {
	of      Case
	judge   *judge.Judge
	from    time.Time // the beginning of the recording
	until   time.Time // the end of the last tick
	judged  time.Time // the end of the last tick that both versions have
	missing time.Duration
	stand   Kind
	summary Summary
	ignored map[string]bool // metrics that no guardrail looks at
	untimed [sides]int      // lines without a latency
}

// Summary is what became of a case.
type Summary struct {
	Outcome stagger.Outcome `json:"outcome"`
	From    time.Time       `json:"from,omitzero"`
	To      time.Time       `json:"to,omitzero"`
	// Ticks is how many were judged; Missing for how many seconds one version
	// or both have none.
	Ticks   int     `json:"ticks"`
	Missing float64 `json:"missing"`
	// First is the time of the first decision of each kind, in seconds after
	// the beginning.
	First    map[Kind]float64 `json:"first"`
	Verdict  stagger.Verdict  `json:"verdict"`
	Warnings []string         `json:"warnings"`
}

// NewHearing begins with no evidence.
func NewHearing(c Case) *Hearing {
	if c.BlindAfter <= 0 {
		c.BlindAfter = 10 * time.Second
	}
	return &Hearing{
		of: c, stand: KindInconclusive, ignored: make(map[string]bool),
		summary: Summary{First: make(map[Kind]float64), Warnings: []string{}},
		judge: judge.New(judge.Config{
			Baseline: c.Names.Baseline, Candidate: c.Names.Candidate, Guardrails: c.Guardrails,
			Planned: c.Planned, BlindAfter: c.BlindAfter, WarmUp: c.WarmUp,
		}),
	}
}

// Hear takes in a tick, which must begin where the last one ended or later, and
// returns what the judge decides on it.
func (h *Hearing) Hear(t Tick) []Decision {
	if h.from.IsZero() {
		h.from, h.until = t.From, t.From
		h.judge.BeginStage(t.From)
	}
	out := h.gap(t.From)
	h.until = t.To
	h.note(t)
	if !t.whole() {
		h.missing += t.To.Sub(t.From)
		return append(out, h.decide(t.To)...)
	}
	h.judge.Observe(h.tick(t))
	h.judged = t.To
	h.summary.Ticks++
	return append(out, h.decide(t.To)...)
}

// gap lets the time pass in which nothing was recorded.
func (h *Hearing) gap(until time.Time) []Decision {
	if !until.After(h.until) {
		return nil
	}
	h.missing += until.Sub(h.until)
	h.until = until
	return h.decide(until)
}

// tick is t as the judge knows it.
func (h *Hearing) tick(t Tick) stagger.Tick {
	out := stagger.Tick{From: t.From, To: t.To, Age: sealed, Share: t.Share}
	for side, name := range [...]string{h.of.Names.Baseline, h.of.Names.Candidate} {
		out.Observations = append(out.Observations, observations(name, t.Lines[side], t)...)
	}
	return out
}

// note remembers what the judge will not see.
func (h *Hearing) note(t Tick) {
	for side, lines := range t.Lines {
		for _, l := range lines {
			for name := range l.Gauges {
				h.ignore(name)
			}
			for name := range l.Counts {
				h.ignore(name)
			}
			if !l.Timed && l.Started > 0 {
				h.untimed[side]++
			}
		}
	}
}

// ignore remembers a metric that no guardrail looks at.
func (h *Hearing) ignore(metric string) {
	looked := func(g stagger.Guardrail) bool { return g.Metric == metric }
	if len(h.ignored) < maxMetrics && !slices.ContainsFunc(h.of.Guardrails, looked) {
		h.ignored[metric] = true
	}
}

// verdict is what the judge says at a time of the recording.
func (h *Hearing) verdict(at time.Time) stagger.Verdict {
	seen := at
	if !h.judged.IsZero() {
		seen = at.Add(sealed) // it looks when a tick that ends now would be there
	}
	v := h.judge.Verdict(seen)
	v.At = at
	if share := h.share(); v.Outcome == stagger.OutcomeHealthy && share > mostMissing {
		v.Outcome, v.Signal = stagger.OutcomeBlind, ""
		v.Sentence = fmt.Sprintf("no sign of harm, but %.0f%% of the time is not recorded for both versions", 100*share)
	}
	return v
}

// share is how much of the time so far is missing.
func (h *Hearing) share() float64 {
	all := h.until.Sub(h.from)
	if all <= 0 {
		return 0
	}
	return float64(h.missing) / float64(all)
}

// decide returns the turns of the verdict since it was last asked.
func (h *Hearing) decide(at time.Time) []Decision {
	v := h.verdict(at)
	now := stand(v)
	var out []Decision
	for _, kind := range turns(h.stand, now) {
		d := Decision{At: at, Kind: kind, Sentence: v.Sentence}
		switch {
		case kind == KindBlind && h.lost().Before(at):
			d.At = h.lost()
			d.Sentence = h.verdict(d.At.Add(1)).Sentence
		case kind == KindCleared && h.stand == KindBlind:
			d.Sentence = "measurements of both versions arrive again"
		}
		d.After = d.At.Sub(h.from).Seconds()
		if !h.summary.seen(kind) {
			h.summary.First[kind] = d.After
		}
		out = append(out, d)
	}
	h.stand = now
	return out
}

// lost is when the judge became blind, were it blind now.
func (h *Hearing) lost() time.Time {
	last := h.judged
	if last.IsZero() {
		last = h.from
	}
	return last.Add(h.of.BlindAfter)
}

func (s *Summary) seen(k Kind) bool {
	_, ok := s.First[k]
	return ok
}

// Summary says what became of the case by now.
func (h *Hearing) Summary() Summary {
	s := h.summary
	s.First = maps.Clone(s.First)
	s.From, s.To, s.Missing = h.from, h.until, h.missing.Seconds()
	s.Verdict = h.verdict(h.until)
	if s.Ticks == 0 && s.Verdict.Outcome != stagger.OutcomeBlind {
		s.Verdict.Outcome, s.Verdict.Sentence = stagger.OutcomeBlind, "no interval is recorded for both versions"
	}
	s.Outcome = s.Verdict.Outcome
	s.Warnings = append([]string{}, h.warnings()...)
	return s
}

// warnings says what was not judged.
func (h *Hearing) warnings() []string {
	var out []string
	if names := slices.Sorted(maps.Keys(h.ignored)); len(names) > 0 {
		out = append(out, fmt.Sprintf("no guardrail looks at %s; name them as metric in a plan, and give it as --rollout", strings.Join(names, ", ")))
	}
	for side, name := range [...]string{h.of.Names.Baseline, h.of.Names.Candidate} {
		if n := h.untimed[side]; n > 0 {
			out = append(out, fmt.Sprintf("%d lines of %s have no latency; neither that nor unfinished requests are judged there", n, name))
		}
	}
	switch {
	case h.summary.Ticks == 0 && h.missing > 0:
		out = append(out, "no interval has lines of both versions: their times must be equal, or each version be given as a file by itself")
	case h.missing > 0:
		out = append(out, fmt.Sprintf("%.0f of %.0f seconds are not recorded for both versions, and were not judged", h.missing.Seconds(), h.until.Sub(h.from).Seconds()))
	}
	return out
}
