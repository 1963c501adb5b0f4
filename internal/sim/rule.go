package sim

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
)

// RuleJudge judges by fixed rules over the last seconds: no statistics, but
// every outcome and advice there is, at once and always the same. It tries the
// controller, not the judging.
type RuleJudge struct {
	c controller.Case
	s ruleState
}

// ruleState is all that a RuleJudge knows.
type ruleState struct {
	Begun  time.Time      `json:"begun"`
	Last   time.Time      `json:"last"`
	Window [][2]ruleCount `json:"window"` // of the last ticks: baseline, candidate
	All    [2]ruleCount   `json:"all"`
	Stage  [2]ruleCount   `json:"stage"`
	Bad    int            `json:"bad"` // ticks in a row that were bad
}

type ruleCount struct {
	Requests uint64 `json:"n"`
	Failed   uint64 `json:"f"`
}

func (c ruleCount) plus(d ruleCount) ruleCount {
	return ruleCount{c.Requests + d.Requests, c.Failed + d.Failed}
}

func (c ruleCount) share() float64 { return float64(c.Failed) / float64(max(c.Requests, 1)) }

// The rules.
const (
	ruleWindow  = 20  // ticks
	ruleEnough  = 20  // requests of the candidate in the window
	ruleHold    = .02 // more failures than the baseline
	ruleShed    = .2
	rulePersist = 30 // bad ticks in a row are proof
)

// NewRuleJudge makes a RuleJudge.
func NewRuleJudge(c controller.Case, state []byte) (controller.Judge, error) {
	j := &RuleJudge{c: c}
	if state == nil {
		return j, nil
	}
	if err := json.Unmarshal(state, &j.s); err != nil {
		return nil, fmt.Errorf("rule judge: %w", err)
	}
	return j, nil
}

// Observe takes a tick up.
func (j *RuleJudge) Observe(t stagger.Tick) {
	var counts [2]ruleCount
	for _, o := range t.Observations {
		n := ruleCount{o.Started, o.Outcomes.Failed() + o.Unfinished}
		switch o.Version {
		case j.c.Baseline:
			counts[0] = counts[0].plus(n)
		case j.c.Candidate:
			counts[1] = counts[1].plus(n)
		}
	}
	for i, n := range counts {
		j.s.All[i], j.s.Stage[i] = j.s.All[i].plus(n), j.s.Stage[i].plus(n)
	}
	j.s.Last = t.To
	j.s.Window = append(j.s.Window, counts)
	if len(j.s.Window) > ruleWindow {
		j.s.Window = j.s.Window[1:]
	}
	if j.worse() > ruleHold {
		j.s.Bad++
	} else if j.s.Bad < rulePersist {
		j.s.Bad = 0
	}
}

// worse is by how much the candidate fails more, lately.
func (j *RuleJudge) worse() float64 {
	var b, c ruleCount
	for _, w := range j.s.Window {
		b, c = b.plus(w[0]), c.plus(w[1])
	}
	if c.Requests < ruleEnough {
		return 0
	}
	return c.share() - b.share()
}

// BeginStage restarts what counts for the stage.
func (j *RuleJudge) BeginStage(at time.Time) { j.s.Begun, j.s.Stage = at, [2]ruleCount{} }

// BeginBake restarts it too.
func (j *RuleJudge) BeginBake(at time.Time) { j.BeginStage(at) }

// Verdict says what the rules say.
func (j *RuleJudge) Verdict(at time.Time) stagger.Verdict {
	v := stagger.Verdict{
		At: at, Outcome: stagger.OutcomeHealthy, Advice: stagger.AdviseNothing,
		Sentence: fmt.Sprintf("%.1f%% more failures than %s", 100*j.worse(), j.c.Baseline),
		Baseline: j.sample(0), Candidate: j.sample(1),
	}
	switch since := at.Sub(j.s.Last); {
	case j.s.Bad >= rulePersist:
		v.Outcome, v.Advice = stagger.OutcomeRegressed, stagger.AdviseRollback
	case since > j.c.BlindAfter:
		v.Outcome, v.Sentence = stagger.OutcomeBlind, fmt.Sprintf("nothing observed for %s", since)
	case j.worse() > ruleShed:
		v.Outcome, v.Advice = stagger.OutcomeInconclusive, stagger.AdviseShed
	case j.worse() > ruleHold:
		v.Outcome, v.Advice = stagger.OutcomeInconclusive, stagger.AdviseHold
	case j.s.Stage[1].Requests < ruleEnough:
		v.Outcome = stagger.OutcomeInconclusive
	}
	return v
}

func (j *RuleJudge) sample(i int) stagger.Sample {
	return stagger.Sample{Requests: j.s.All[i].Requests, Failed: j.s.All[i].Failed, Stage: j.s.Stage[i].Requests}
}

// State returns the evidence.
func (j *RuleJudge) State() ([]byte, error) { return json.Marshal(j.s) }
