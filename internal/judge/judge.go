package judge

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// Levels of the tests that no guardrail sets: of a hold over the whole rollout,
// of a shed, and of calling a stage healthy that is not.
const (
	AlphaSuspect = 0.05
	alphaShed    = 0.005
	AlphaHealthy = 0.05
)

// blockLength is the unit of a blip.
const blockLength = 5 * time.Second

// Config is what there is to judge.
type Config struct {
	Baseline, Candidate string
	Guardrails          []stagger.Guardrail
	// Planned is how long the rollout is meant to take; the readiness to find
	// a late regression is spread over it. Zero is an hour.
	Planned time.Duration
	// BlindAfter is how long telemetry may be missing. Zero is ten seconds.
	BlindAfter time.Duration
	// Stages is how many stages there are, the bake among them: readiness to
	// find a regression is kept for the beginning of each. Zero is one.
	Stages int
	// Begun is how many of them began before: what was kept for these is spent.
	Begun int
	// WarmUp is the half-life of the allowance for a candidate that has just
	// started; zero allows nothing.
	WarmUp time.Duration
	// Plain keeps the plain evidence as well, for measuring; see
	// Judge.PlainEvidence.
	Plain bool
	// StayPlain counts every request for itself, however much requests depend
	// on each other, and whatever the placebo says: for measuring what the
	// ladder is good for.
	StayPlain bool
}

// Judge weighs the evidence of one rollout. It is not safe for concurrent use.
type Judge struct {
	config Config
	slots  []slot
	state  state
	cached *stagger.Verdict // of the display, while it is fresh

	metrics    []string          // that guardrails name
	retries    bool              // a guardrail asks for senders
	named      []named           // routes of proxies
	cut        batch             // of the placebo, filled again for each batch
	phrase     phrase            // that was written last
	accounts   []stagger.Account // of the ledger, without evidence
	shedWeight float64           // of the shed tier in a suspicion; 0 where there is none
}

// state is everything that evidence changes.
type state struct {
	Usual     usual            `json:"usual"`
	Batch     batch            `json:"batch"`
	Routes    routes           `json:"routes"`
	Peers     peers            `json:"peers,omitempty"`
	Youth     youth            `json:"youth"`
	Split     split            `json:"split"`
	Banks     []bank           `json:"banks"`
	Shed      shedTier         `json:"shed"`
	Clock     clock            `json:"clock"`
	Totals    totals           `json:"totals"`
	Suspicion suspicion        `json:"suspicion"`
	Reference *reference       `json:"reference,omitempty"` // set while baking
	LastTick  time.Time        `json:"last_tick,omitzero"`
	LastAge   time.Duration    `json:"last_age,omitempty"`
	Refused   string           `json:"refused,omitempty"` // what was wrong with the newest tick
	StageAt   time.Time        `json:"stage_at,omitzero"`
	Regressed *stagger.Verdict `json:"regressed,omitempty"` // a proof stays proved
	Placebo   placebo          `json:"placebo"`
	Past      past             `json:"past"`
	Load      float64          `json:"load,omitempty"` // of a host of the candidate, beside one of the baseline
	Plain     []plain          `json:"plain,omitempty"`
}

// New returns a judge without evidence.
func New(c Config) *Judge {
	if c.Planned <= 0 {
		c.Planned = time.Hour
	}
	if c.BlindAfter <= 0 {
		c.BlindAfter = 10 * time.Second
	}
	j := &Judge{config: c, slots: slotsOf(c.Guardrails)}
	j.shedWeight = spread(j.slots)
	j.metrics, j.retries = metricsOf(j.slots)
	j.accounts = j.open()
	j.state = state{
		Shed: newShedTier(),
	}
	j.state.Clock.Begun = max(c.Begun, 0)
	for _, s := range j.slots {
		j.state.Banks = append(j.state.Banks, newBank(s))
	}
	j.state.Placebo, j.state.Past = newPlacebo(j.slots), newPast(j.slots)
	if c.Plain {
		j.state.Plain = newPlain(j.slots)
	}
	return j
}

// State writes the evidence down.
func (j *Judge) State() ([]byte, error) {
	data, err := json.Marshal(j.state)
	if err != nil {
		return nil, fmt.Errorf("write evidence: %w", err)
	}
	return data, nil
}

// Restore returns a judge that goes on from what State wrote. The
// configuration must be the one of that time.
func Restore(c Config, data []byte) (*Judge, error) {
	j := New(c)
	slots, plains := len(j.state.Banks), len(j.state.Plain)
	j.state = state{}
	if err := json.Unmarshal(data, &j.state); err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	if len(j.state.Banks) != slots || len(j.state.Plain) != plains || !j.state.sound() {
		return nil, fmt.Errorf("read evidence: it belongs to other guardrails")
	}
	return j, nil
}

// sound says whether the parts have the sizes they must have.
func (s *state) sound() bool {
	for _, b := range s.Banks {
		if !b.sound() {
			return false
		}
	}
	if !s.Split.sound() || !s.Usual.Habit.sound() || !s.Routes.sound() || len(s.Peers) > stagger.Groups {
		return false
	}
	return s.Usual.sound() && s.Totals.sound() && s.Shed.sound() && s.Placebo.sound(len(s.Banks)) && s.Past.sound(len(s.Banks))
}

// BeginStage restarts the healthy evidence: it speaks of the stage that begins.
func (j *Judge) BeginStage(at time.Time) {
	j.state.StageAt = at
	j.state.Clock.beginStage(j.config.Stages)
	j.state.Totals.beginStage()
	for i := range j.state.Banks {
		j.state.Banks[i].Healthy.clear()
		j.state.Banks[i].Told = [arms]int{}
	}
	j.cached = nil
}

// BeginBake tells that from now on nobody meets the baseline. The candidate is
// held against the baseline as it was last seen, with what is not known about
// it given to the candidate. An incident that strikes everybody looks like the
// candidate's from here on; only the blip allowance tells them apart.
func (j *Judge) BeginBake(at time.Time) {
	j.BeginStage(at)
	j.state.Reference = j.state.Usual.reference()
}

// Observe takes in a tick, of which it keeps nothing. Ticks in which nobody
// meets the candidate teach what is usual.
func (j *Judge) Observe(t stagger.Tick) {
	if !j.accept(&t) {
		return
	}
	if !j.state.Batch.continues(&t) || j.comes(&t) && !j.state.Batch.From.IsZero() {
		j.close()
	}
	if j.collect(&t); j.state.Batch.full() {
		j.close()
	}
}

// accept says whether a tick is news, and can be true.
func (j *Judge) accept(t *stagger.Tick) bool {
	if !t.To.After(j.state.LastTick) {
		return false // heard already
	}
	if j.state.Refused = contradiction(*t); j.state.Refused != "" {
		return false // as if it had not arrived: blind, if it goes on
	}
	j.state.LastTick, j.state.LastAge = t.To, t.Age
	return true
}

// close weighs the batch and begins another.
func (j *Judge) close() {
	j.weigh(&j.state.Batch)
	j.state.Batch.clear()
}

// weigh judges one batch and then learns from it.
func (j *Judge) weigh(b *batch) {
	candidate := b.requests(armCandidate)
	if candidate > 0 || b.Shadow.Compared > 0 || j.state.Clock.started() {
		j.state.Past.begin(&j.state.Usual)
		j.tryBatch(b)
		j.state.Totals.add(b)
		j.bound()
	} else {
		j.measure(j.sight(b))
	}
	j.state.Usual.learn(b)
	j.cached = nil
}

// measure takes in how far requests depend on each other.
func (j *Judge) measure(at sight) {
	for i := range j.slots {
		j.state.Banks[i].Ladder.measure(j.slots[i], at)
	}
}

// tryBatch moves every process by the evidence of one batch.
func (j *Judge) tryBatch(b *batch) {
	for range j.state.Clock.blocksEnded(b.From) {
		j.endBlock()
	}
	if j.state.Clock.Begun == 0 {
		j.state.Clock.beginStage(j.config.Stages) // nobody said that one begins
	}
	mass := j.state.Clock.mass(b.To.Sub(b.From), j.config.Planned)
	j.state.Split.grow(mass / 2)
	sight := j.sight(b)
	j.state.follow(b)
	perMinute, load := j.state.expectedFailures(b), max(j.state.Load, leastLoad)
	for i := range j.slots {
		bank := &j.state.Banks[i]
		if !j.config.StayPlain && bank.Ladder.choose(j.slots[i], perMinute, load) {
			bank.void()
		}
		e := j.slots[i].evidence(sight, &bank.Ladder, &bank.Level)
		bank.observe(&e, mass)
		bank.hear(j.slots[i], sight)
		bank.tell(j.slots[i], sight)
		bank.Excess.attribute(j.slots[i], sight)
		if j.config.Plain {
			j.state.Plain[i].observe(&e)
		}
	}
	j.measure(sight)
	j.observePlacebo(b, mass)
	j.observePast(b)
	j.state.Shed.observe(sight, mass, j.failures())
	j.suspect()
}

// failures counts those that a catastrophe is made of: of each subject the
// first only, once failures were seen to come in clumps.
func (j *Judge) failures() counter {
	for i, s := range j.slots {
		if s.guardrail.Signal == stagger.SignalErrors && j.state.Banks[i].Ladder.Rung > rungPlain {
			return s.counter(rungUsers)
		}
	}
	return slot{}.counter(rungPlain)
}

func (j *Judge) endBlock() {
	refill := j.state.Clock.refill(j.state.Totals.Arms[armCandidate].Requests)
	for i := range j.state.Banks {
		j.state.Banks[i].endBlock(refill)
	}
	j.state.Shed.endBlock()
	j.state.Past.endBlock()
}
