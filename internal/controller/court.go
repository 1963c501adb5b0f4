package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// saveEvery is how often the evidence is kept, so that a restart loses little.
const saveEvery = time.Second

// court is the judge of one rollout and where its hearing stands.
type court struct {
	judge Judge
	heard bool // a tick since this process carries the rollout
	saved time.Time
	last  stagger.Verdict
	trail trail

	course course
	met    stagger.Exposure // as it was kept with the evidence
}

// observe shows the judge a tick.
func (c *court) observe(t stagger.Tick) {
	if c.judge != nil {
		c.judge.Observe(t)
		c.heard = true
	}
}

// begin tells the judge that r has come to another stage.
func (c *court) begin(r stagger.Rollout, at time.Time) {
	switch {
	case c.judge == nil || r.Stage < 0:
	case r.Stage >= len(r.Plan.Stages):
		c.judge.BeginBake(at)
	default:
		c.judge.BeginStage(at)
	}
}

// verdict returns what the judge says now. Without a judge nothing is seen.
func (s *service) verdict(now time.Time) stagger.Verdict {
	switch {
	case s.rollout.Phase.Final():
	case s.court.judge == nil:
		s.court.last = stagger.Verdict{
			At: now, Outcome: stagger.OutcomeBlind, Advice: stagger.AdviseNothing, Sentence: "the evidence gathered so far cannot be read back",
		}
	default:
		s.court.last = s.court.judge.Verdict(now)
		s.court.trail.add(s.court.last)
	}
	if v := s.court.last; s.court.heard && v.Outcome != stagger.OutcomeBlind && mild(v.Advice) {
		s.plane.careful = false
	}
	return s.court.last
}

func mild(a stagger.Advice) bool {
	return a == "" || a == stagger.AdviseNothing || a == stagger.AdviseAlert
}

// docket is the evidence as it is kept.
type docket struct {
	Stage int             `json:"stage"` // that the judge was at
	Until time.Time       `json:"until"` // the end of the last tick shown
	Judge json.RawMessage `json:"judge"`
	// Exposure is kept with the evidence, which is kept more often than the
	// course.
	Exposure stagger.Exposure `json:"exposure,omitzero"`
}

// open makes sure that an active rollout has its judge, and says whether the
// judge, if one is needed, is there.
func (s *service) open(ctx context.Context, now time.Time) bool {
	if !s.active() || s.court.judge != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	kept, err := s.config.Journal.Judge(ctx, s.rollout.ID)
	s.journalSaid("read the evidence", err, now)
	if err != nil {
		return false
	}
	if kept != nil {
		if err = s.reopen(kept, now); err == nil {
			return true
		}
		s.log.Error("the evidence kept cannot be used; it is gathered anew", "rollout", s.rollout.ID, "error", err)
	}
	if err := s.openAnew(now); err != nil {
		s.log.Error("no judge", "rollout", s.rollout.ID, "error", err)
		return false
	}
	return true
}

// reopen goes on with the evidence that was kept.
func (s *service) reopen(kept []byte, now time.Time) error {
	var d docket
	if err := json.Unmarshal(kept, &d); err != nil {
		return fmt.Errorf("read evidence: %w", err)
	}
	judge, err := s.config.NewJudge(s.brief(), d.Judge)
	if err != nil {
		return fmt.Errorf("read evidence: %w", err)
	}
	s.court.judge = judge
	s.senses.until = later(s.senses.until, d.Until)
	s.court.met = d.Exposure
	s.court.course.amend(d.Exposure)
	if d.Stage != s.rollout.Stage { // the stage began after the evidence was kept
		s.court.begin(s.rollout, now)
	}
	return nil
}

// openAnew begins with what is remembered of the baseline.
func (s *service) openAnew(now time.Time) error {
	brief := s.brief()
	brief.Watch = s.watch.judge
	judge, err := s.config.NewJudge(brief, nil)
	if err != nil {
		return fmt.Errorf("new judge: %w", err)
	}
	for _, t := range s.senses.memory.of(s.rollout.Baseline) {
		judge.Observe(t)
	}
	s.court.judge = judge
	s.court.begin(s.rollout, now)
	return nil
}

// brief is the case that the rollout is.
func (s *service) brief() Case {
	p := s.rollout.Plan
	planned := p.Bake.Time
	for _, stage := range p.Stages {
		planned += 2 * stage.MinTime // a stage takes longer than its least time
	}
	return Case{
		Baseline: s.rollout.Baseline, Candidate: s.rollout.Candidate,
		Guardrails: p.Guardrails, Planned: planned, BlindAfter: p.Blind.After,
		Stages: len(p.Stages) + 1, WarmUp: p.WarmUp,
	}
}

// checkpoint keeps the evidence each second, and at once after a decision.
func (s *service) checkpoint(ctx context.Context, now time.Time, decided bool) {
	since := now.Sub(s.court.saved)
	if !s.active() || s.court.judge == nil || !decided && since >= 0 && since < saveEvery || !s.ledger.retry.due(now) {
		return
	}
	s.court.saved = now
	state, err := s.court.judge.State()
	if err != nil {
		s.log.Error("the evidence cannot be written", "rollout", s.rollout.ID, "error", err)
		return
	}
	kept, err := json.Marshal(docket{Stage: s.rollout.Stage, Until: s.senses.until, Judge: state, Exposure: s.court.exposure()})
	if err != nil {
		s.log.Error("the evidence cannot be written", "rollout", s.rollout.ID, "error", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = s.config.Journal.SaveJudge(ctx, s.rollout.ID, kept)
	s.journalSaid("keep the evidence", err, now)
	if err != nil {
		s.ledger.retry.failed(now) // a journal that hangs must not hold up the next look
	}
}
