package judge

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// Watch looks after one version that everybody meets. It learns for a while
// what is usual, and from then on looks for a lasting change for the worse:
// failures at three times the odds, or twice the latency. A version that does
// not change is accused once in thirty days on average. It is not safe for
// concurrent use.
type Watch struct {
	judge *Judge
	seen  time.Duration
	since time.Time
}

// watchLearns is how long a version is watched before anything is said of it.
const watchLearns = 10 * time.Minute

// watched are the signals that are looked at, with what is too small to matter.
var watched = []stagger.Guardrail{
	{Signal: stagger.SignalErrors, Tolerance: pastOdds, Healthy: 0.005, Floor: 0.005, Alpha: 0.01, Action: stagger.ActionAlert},
	{Signal: stagger.SignalLatency, Tolerance: 1, Healthy: 1, Floor: 0.005, Alpha: 0.01, Action: stagger.ActionAlert},
}

// NewWatch returns a watch that has seen nothing.
func NewWatch(version string) *Watch {
	return &Watch{judge: New(Config{Baseline: version, Guardrails: watched})}
}

// watchState is a watch as it is written down.
type watchState struct {
	Version string        `json:"version"`
	Judge   state         `json:"judge"`
	Seen    time.Duration `json:"seen"`
	Since   time.Time     `json:"since,omitzero"`
}

// State writes down what was learned and seen.
func (w *Watch) State() ([]byte, error) {
	data, err := json.Marshal(watchState{Version: w.judge.config.Baseline, Judge: w.judge.state, Seen: w.seen, Since: w.since})
	if err != nil {
		return nil, fmt.Errorf("write the watch: %w", err)
	}
	return data, nil
}

// RestoreWatch returns a watch of version that goes on from what State wrote.
// That of another version is refused: what was usual there need not be here.
func RestoreWatch(version string, data []byte) (*Watch, error) {
	w := NewWatch(version)
	slots := len(w.judge.state.Banks)
	var kept watchState
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("read the watch: %w", err)
	}
	if kept.Version != version {
		return nil, fmt.Errorf("read the watch: it is of version %q, not of %q", kept.Version, version)
	}
	if len(kept.Judge.Banks) != slots || !kept.Judge.sound() || kept.Seen < 0 {
		return nil, fmt.Errorf("read the watch: it watches other signals")
	}
	w.judge.state, w.seen, w.since = kept.Judge, kept.Seen, kept.Since
	return w, nil
}

// Observe takes in a tick.
func (w *Watch) Observe(t stagger.Tick) {
	j := w.judge
	if !j.accept(&t) {
		return
	}
	b := &j.state.Batch
	if j.collect(&t); !b.full() {
		return
	}
	defer b.clear()
	for range j.state.Clock.blocksEnded(b.From) {
		j.state.Past.endBlock()
	}
	at, perMinute := sight{batch: b, usual: &j.state.Usual}, j.state.expectedFailures(b)
	for i := range j.slots {
		l := &j.state.Banks[i].Ladder
		l.choose(j.slots[i], perMinute, 1)
		l.measure(j.slots[i], at)
	}
	if w.seen += b.To.Sub(b.From); w.seen >= watchLearns {
		j.state.Past.begin(&j.state.Usual)
	}
	j.observePast(b)
	j.state.Usual.learn(b)
	switch {
	case len(j.state.Past.Slots) == 0:
		w.since = time.Time{}
	case w.since.IsZero():
		w.since = b.To
	}
}

// Report says how the version does.
func (w *Watch) Report() stagger.Watch {
	r := stagger.Watch{
		Version: w.judge.config.Baseline, At: w.judge.state.LastTick,
		Learning: w.judge.state.Past.Reference == nil, Since: w.since,
	}
	if !w.since.IsZero() {
		r.Signal, r.Sentence = w.judge.worsened("is worse than when its watch began")
	}
	return r
}
