package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
	"github.com/stagger-dev/stagger/internal/outcome"
	"github.com/stagger-dev/stagger/internal/present"
)

// reportPage is a rollout on paper: whole, and without anything to operate.
type reportPage struct {
	Rollout  stagger.Rollout
	Sign     present.Sign
	Made     time.Time
	Summary  string
	Change   []fact
	Plan     []fact
	Outcome  []fact
	Stages   []reportStage
	Verdict  *judged // the last one that a decision rested on
	Plots    []paperPlot
	Marks    []present.Sign
	Unknown  string          // of which signals there is nothing to draw
	Decided  []stagger.Event // by Stagger, in order
	People   []stagger.Event // by people
	LeftOut  int             // decisions that only repeat
	Longest  bool            // the history is longer than what was read
	Head     string          // hash of the last event
	Exposure []fact
}

// reportStage is one stage as it went.
type reportStage struct {
	Name, Who     string
	Entered, Left time.Time
	Spent         string
	Weights       string
	Requests      string // judged on both versions
	Verdict       present.Sign
	Sentence      string
	End           present.Sign
	Going         bool
}

// paperDecisions bounds the decisions on paper; what is held and released again
// and again goes first.
const paperDecisions = 60

func (d *dashboard) report(r *http.Request) (view, error) {
	ctx, id := r.Context(), r.PathValue("id")
	rollout, err := d.Store.Rollout(ctx, id)
	if err != nil {
		return view{}, err
	}
	events, err := d.whole(ctx, id)
	if err != nil {
		return view{}, err
	}
	s := side{Rollout: rollout, Sign: present.Phase(rollout.Phase), Stage: wholeRollout, now: d.Now()}
	s.stays, s.life, s.met = outcome.Stays(rollout.Plan, events), outcome.Of(rollout, events), d.met(ctx, rollout)
	s.verdict = s.decisive(events)
	p := reportPage{
		Rollout: rollout, Sign: s.Sign, Made: d.Now(), Summary: s.summary(), Change: known(s.change()), Plan: known(s.plan()), Outcome: known(s.outcome()),
		Verdict: judgedOf(s.verdict), Longest: len(events) >= historyMost, Exposure: exposed(s.met),
	}
	for _, one := range s.stays {
		p.Stages = append(p.Stages, s.reportStage(one))
	}
	p.tell(events)
	if links, err := d.Store.Chain(ctx, id, rollout.Events-1, 1); err == nil && len(links) > 0 {
		p.Head = links[0].Hash
	}
	path, err := d.Store.Evidence(ctx, id)
	if err != nil && ctx.Err() == nil {
		d.Log.Error("the path of the evidence cannot be shown", "rollout", id, "error", err)
	}
	p.Plots, p.Marks, p.Unknown = paperPlots(path, events)
	return view{Title: fmt.Sprintf("Report of %s %s → %s", rollout.Service, rollout.Baseline, rollout.Candidate), Body: p}, nil
}

// met is who met the candidate, also of a rollout that goes on; nil where nobody
// knows.
func (d *dashboard) met(ctx context.Context, r stagger.Rollout) *stagger.Exposure {
	if r.Exposure != nil {
		return r.Exposure
	}
	progress, err := d.Store.Progress(ctx, r.ID)
	if err != nil || progress.Exposure.All == 0 {
		return nil
	}
	return &progress.Exposure
}

// known drops what nobody has said, and the reason, which stands at the head.
func known(facts []fact) []fact {
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Said == "" || f.Name == "Why" })
}

// tell splits a history into what Stagger decided and what people did.
func (p *reportPage) tell(events []stagger.Event) {
	for _, e := range events {
		if e.Actor != engine.Actor {
			p.People = append(p.People, e)
		} else {
			p.Decided = append(p.Decided, e)
		}
	}
	if len(p.Decided) <= paperDecisions {
		return
	}
	whole := len(p.Decided)
	p.Decided = slices.DeleteFunc(p.Decided, repeats)
	if n := len(p.Decided); n > paperDecisions {
		p.Decided = slices.Concat(p.Decided[:paperDecisions/2], p.Decided[n-paperDecisions/2:])
	}
	p.LeftOut = whole - len(p.Decided)
}

// repeats says whether an event is of the kind that comes and goes.
func repeats(e stagger.Event) bool {
	switch e.Kind {
	case stagger.EventHeld, stagger.EventReleased, stagger.EventBlinded, stagger.EventSighted, stagger.EventAlerted, stagger.EventCleared:
		return true
	default:
		return false
	}
}

// summary is the rollout in a sentence or two.
func (s side) summary() string {
	r := s.Rollout
	what := fmt.Sprintf("%s went from %s to %s", r.Service, r.Baseline, r.Candidate)
	if !r.Phase.Final() {
		return fmt.Sprintf("%s is on its way from %s to %s and is %s in %s, %s after it began.", r.Service, r.Baseline, r.Candidate,
			s.Sign.Words, s.placed(), present.Span(s.now.Sub(r.CreatedAt)))
	}
	took := present.Span(r.EndedAt.Sub(r.CreatedAt))
	switch r.Phase {
	case stagger.PhasePromoted:
		text := fmt.Sprintf("%s within %s.", what, took)
		if d, ok := s.life.Lead(); ok {
			text += fmt.Sprintf(" Everybody met it after %s.", present.Span(d))
		}
		return text
	case stagger.PhaseRolledBack:
		text := fmt.Sprintf("%s of %s was rolled back by %s in %s, after %s.", r.Candidate, r.Service, endedBy(s.life), s.placed(), took)
		if d, ok := s.life.Detection(); ok {
			text += fmt.Sprintf(" It had been met there for %s when it was cut off.", present.Span(d))
		}
		if s.met != nil {
			text += fmt.Sprintf(" %s of %s requests met it.", present.Count(s.met.Requests), present.Count(s.met.All))
		}
		return text
	default:
		return fmt.Sprintf("%s of %s was %s by %s in %s, after %s.", r.Candidate, r.Service, s.Sign.Words, endedBy(s.life), s.placed(), took)
	}
}

// placed names the stage that the rollout is in, or ended in.
func (s side) placed() string {
	name := outcome.StageName(s.Rollout.Plan, s.Rollout.Stage)
	switch name {
	case "start":
		return "its start, before anybody met it"
	case "bake":
		return "the bake"
	}
	if strings.HasPrefix(name, "stage ") {
		return name
	}
	return "stage " + name
}

func (s side) reportStage(one outcome.Stay) reportStage {
	out := reportStage{
		Name: one.Name, Entered: one.Entered, Left: one.Left, Spent: present.Span(one.Spent(s.now)), Weights: weights(one), Requests: present.Unknown,
		Going: one.By == "", Sentence: one.Reason,
	}
	ladder := present.Ladder(s.Rollout, s.now)
	if one.Stage >= 0 && one.Stage < len(ladder) {
		out.Who = ladder[one.Stage].Who
	}
	if one.By != "" {
		out.End = present.Kind(one.By)
	}
	if v := one.Verdict; v != nil {
		out.Verdict = present.Outcome(v.Outcome)
		out.Requests = fmt.Sprintf("%s and %s", present.Count(v.Baseline.Stage), present.Count(v.Candidate.Stage))
	}
	return out
}
