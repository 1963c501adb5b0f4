package dashboard

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
	"github.com/stagger-dev/stagger/internal/outcome"
	"github.com/stagger-dev/stagger/internal/present"
)

// fact is one thing to be said of a side.
type fact struct {
	Name, Said string

	length   time.Duration // where it is one; differences of those are told
	fleeting bool          // it differs as a matter of course
}

// both puts the facts of two sides beside each other, in the order of the left
// and with what only the right has at the end.
func both(left, right []fact) []pair {
	var rows []pair
	said := map[string]fact{}
	for _, f := range right {
		said[f.Name] = f
	}
	for _, f := range left {
		rows = append(rows, pairOf(f, said[f.Name]))
		delete(said, f.Name)
	}
	for _, f := range right {
		if _, only := said[f.Name]; only {
			rows = append(rows, pairOf(fact{Name: f.Name}, f))
		}
	}
	return rows
}

func pairOf(a, b fact) pair {
	p := pair{Name: a.Name, A: cmp.Or(a.Said, present.Unknown), B: cmp.Or(b.Said, present.Unknown)}
	if a.Said == b.Said || a.fleeting || b.fleeting {
		return p
	}
	p.Differs = true
	switch {
	case a.Said == "":
		p.Note = "only B"
	case b.Said == "":
		p.Note = "only A"
	case a.length > 0 && b.length > 0:
		p.Note = longer(a.length, b.length)
	default:
		p.Note = "differs"
	}
	return p
}

// longer says by how much one took longer than the other.
func longer(a, b time.Duration) string {
	d, which := b-a, "B"
	if d < 0 {
		d, which = -d, "A"
	}
	if d < time.Second {
		return "about the same"
	}
	return fmt.Sprintf("%s took %s longer", which, present.Span(d))
}

func (s side) change() []fact {
	r := s.Rollout
	return []fact{
		{Name: "Service", Said: r.Service},
		{Name: "From", Said: r.Baseline},
		{Name: "To", Said: r.Candidate},
		{Name: "Kind", Said: r.Change.Kind},
		{Name: "Summary", Said: r.Change.Summary},
		{Name: "Commit", Said: r.Change.Commit},
		{Name: "Author", Said: r.Change.Author},
		{Name: "Owner", Said: r.Change.Owner},
		{Name: "Ticket", Said: r.Change.Ticket},
	}
}

func (s side) plan() []fact {
	p := s.Rollout.Plan
	facts := []fact{
		{Name: "Preset", Said: p.Preset},
		{Name: "Stages", Said: planned(p, s.Stage)},
		{Name: "Bake", Said: present.Span(p.Bake.Time), length: p.Bake.Time},
		{Name: "Sticky by", Said: stickyBy(p.Key)},
	}
	for _, g := range p.Guardrails {
		name := present.Signal(stagger.Finding{Signal: g.Signal, Metric: g.Metric})
		facts = append(facts, fact{Name: "Guardrail " + name, Said: guardrail(g)})
	}
	return facts
}

// planned writes the stages of a plan, or one of them.
func planned(p stagger.Plan, stage int) string {
	var parts []string
	for i, rung := range present.Ladder(stagger.Rollout{Plan: p, Stage: -1, Phase: stagger.PhasePending}, time.Time{}) {
		if stage != wholeRollout && stage != i {
			continue
		}
		text := rung.Name
		if rung.Who != rung.Name {
			text += " " + rung.Who
		}
		if bounds := rung.Bounds(); bounds != "" {
			text += " (" + bounds + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " → ")
}

func stickyBy(k stagger.Key) string {
	switch {
	case k.Header != "":
		return "header " + k.Header
	case k.Cookie != "":
		return "cookie " + k.Cookie
	case k.ClientAddress:
		return "client address"
	}
	return ""
}

// guardrail says what harm is accepted, and what follows beyond it.
func guardrail(g stagger.Guardrail) string {
	tolerance := present.Ratio(g.Tolerance)
	if g.Signal == stagger.SignalLatency || g.Signal == stagger.SignalSaturation || g.Signal == stagger.SignalGauge {
		tolerance = "+" + present.Share(g.Tolerance)
	}
	return fmt.Sprintf("up to %s, else %s; false alarms at most %s", tolerance, strings.ReplaceAll(string(g.Action), "_", " "), present.Chance(g.Alpha))
}

func (s side) outcome() []fact {
	if s.Stage != wholeRollout {
		return s.stageOutcome()
	}
	r := s.Rollout
	end := r.EndedAt
	if end.IsZero() {
		end = s.now
	}
	facts := []fact{
		{Name: "Outcome", Said: s.Sign.String()},
		{Name: placeWord(r), Said: s.life.Stage},
		{Name: "Ended by", Said: endedBy(s.life)},
		{Name: "Started (UTC)", Said: r.CreatedAt.UTC().Format(time.DateTime), fleeting: true},
		{Name: "Took", Said: present.Span(end.Sub(r.CreatedAt)), length: end.Sub(r.CreatedAt)},
		{Name: "Why", Said: r.Reason},
	}
	if d, ok := s.life.Lead(); ok {
		facts = append(facts, fact{Name: "Until everybody", Said: present.Span(d), length: d})
	}
	if d, ok := s.life.Detection(); ok {
		facts = append(facts, fact{Name: "Until it was caught", Said: present.Span(d), length: d})
	}
	if r.Review != nil {
		facts = append(facts, fact{Name: "People say", Said: present.Judgement(r.Review.Judgement).String()})
	}
	return facts
}

// placeWord says what the stage of a rollout is to it.
func placeWord(r stagger.Rollout) string {
	if r.Phase.Final() {
		return "Ended in"
	}
	return "Is in"
}

func endedBy(l outcome.Life) string {
	if l.Ended.IsZero() {
		return ""
	}
	return whoEnded(l.ByHand)
}

func whoEnded(byHand bool) string {
	if byHand {
		return "a person"
	}
	return "Stagger"
}

func (s side) stageOutcome() []fact {
	one, ok := s.stay(s.Stage)
	if !ok {
		return []fact{{Name: "Reached", Said: "no"}}
	}
	spent := one.Spent(s.now)
	facts := []fact{
		{Name: "Reached", Said: "yes"},
		{Name: "Started (UTC)", Said: one.Entered.UTC().Format(time.DateTime), fleeting: true},
		{Name: "Took", Said: present.Span(spent), length: spent},
		{Name: "Weight", Said: weights(one)},
	}
	if one.By != "" {
		facts = append(facts, fact{Name: "Outcome", Said: present.Kind(one.By).String()}, fact{Name: "Ended by", Said: whoEnded(one.Actor != engine.Actor)}, fact{Name: "Why", Said: one.Reason})
	}
	if v := one.Verdict; v != nil {
		facts = append(facts, fact{Name: "Requests judged", Said: fmt.Sprintf("%s and %s", present.Count(v.Baseline.Stage), present.Count(v.Candidate.Stage)), fleeting: true})
	}
	return facts
}

// weights says which weights a stage had.
func weights(s outcome.Stay) string {
	text := s.From.String()
	if s.To != s.From {
		text += " → " + s.To.String()
	}
	if s.Low < min(s.From, s.To) {
		text += ", down to " + s.Low.String()
	}
	if s.High > max(s.From, s.To) {
		text += ", up to " + s.High.String()
	}
	return text
}

// verdictFacts are what the evidence said.
func verdictFacts(v *stagger.Verdict) []fact {
	if v == nil {
		return nil
	}
	facts := []fact{
		{Name: "Verdict", Said: present.Outcome(v.Outcome).String()},
		{Name: "In words", Said: v.Sentence},
		{Name: "Requests judged", Said: fmt.Sprintf("%s and %s", present.Count(v.Baseline.Requests), present.Count(v.Candidate.Requests)), fleeting: true},
	}
	for _, f := range v.Findings {
		said := present.Finding(f).String()
		if present.AxisOf(f).Known {
			said += fmt.Sprintf(": %s (%s), limit %s", present.Estimate(f), present.Interval(f), present.Ratio(f.Tolerance))
		}
		facts = append(facts, fact{Name: present.Signal(f), Said: said})
	}
	return facts
}

// stagePairs puts the stages of two rollouts beside each other, by their place.
func stagePairs(a, b side) []stagePair {
	var pairs []stagePair
	most := max(len(a.Rollout.Plan.Stages), len(b.Rollout.Plan.Stages))
	for i := range most {
		pairs = append(pairs, stagePairOf(a, b, i, i))
	}
	return append(pairs, stagePairOf(a, b, len(a.Rollout.Plan.Stages), len(b.Rollout.Plan.Stages)))
}

func stagePairOf(a, b side, i, k int) stagePair {
	left, right := a.told(i), b.told(k)
	p := stagePair{Name: cmp.Or(left.Name, right.Name), A: left, B: right}
	if left.Name != right.Name && left.Name != "" && right.Name != "" {
		p.Name = left.Name + " / " + right.Name
	}
	one, ok := a.stay(i)
	other, also := b.stay(k)
	switch {
	case ok && also:
		if one.Spent(a.now)-other.Spent(b.now) != 0 {
			p.Note = longer(one.Spent(a.now), other.Spent(b.now))
		}
		p.Diff = left.Weight != right.Weight || left.Verdict != right.Verdict || left.End != right.End
		if p.Diff {
			p.Note = strings.TrimPrefix(p.Note+"; differs", "; ")
		}
	case ok:
		p.Note, p.Diff = "only A came here", true
	case also:
		p.Note, p.Diff = "only B came here", true
	default:
		p.Note = "neither came here"
	}
	return p
}

// told is how a stage of the side went.
func (s side) told(stage int) stay {
	if stage > len(s.Rollout.Plan.Stages) {
		return stay{}
	}
	out := stay{Name: outcome.StageName(s.Rollout.Plan, stage)}
	one, ok := s.stay(stage)
	if !ok {
		return out
	}
	out.There, out.Weight, out.Spent, out.Going = true, weights(one), present.Span(one.Spent(s.now)), one.By == ""
	if one.Verdict != nil {
		out.Verdict = present.Outcome(one.Verdict.Outcome)
	}
	if one.By != "" {
		out.End = present.Kind(one.By)
	}
	return out
}

// exposed says who met the candidate, as far as it was counted.
func exposed(e *stagger.Exposure) []fact {
	if e == nil {
		return nil
	}
	requests := present.Count(e.Requests)
	if e.All > 0 {
		requests += fmt.Sprintf(" of %s (%s)", present.Count(e.All), present.Share(float64(e.Requests)/float64(e.All)))
	}
	facts := []fact{
		{Name: "Requests that met it", Said: requests},
		{Name: "Of these failed", Said: present.Count(e.Failed)},
	}
	if e.Users > 0 {
		facts = append(facts, fact{Name: "Users, about", Said: present.Count(e.Users)})
	}
	return facts
}
