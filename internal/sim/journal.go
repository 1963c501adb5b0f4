package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

// Fault says how a call goes wrong.
type Fault int

// The faults of a call.
const (
	Works     Fault = iota
	Refuses         // nothing happens, and the caller learns of it
	Forgetful       // it happens, and the caller is told that it failed
)

// errDown is what a call that goes wrong returns.
var errDown = errors.New("the simulated part does not answer")

// Journal keeps rollouts in memory, in their written form, and refuses what a
// journal must refuse. It survives the controllers that use it.
type Journal struct {
	// Fault, when set, says how the next write goes.
	Fault func() Fault
	// Down, when set, says whether reads fail now.
	Down func() bool

	mu        sync.Mutex // guards the rest
	rollouts  map[string]stagger.Rollout
	histories map[string][][]byte // each event as JSON
	baselines map[string]string
	commands  []stagger.Command
	judges    map[string][]byte
	paths     map[string][]byte
	courses   map[string][]byte
	progress  map[string]stagger.Progress
	broken    []string
}

// NewJournal returns an empty journal.
func NewJournal() *Journal {
	return &Journal{
		rollouts: map[string]stagger.Rollout{}, histories: map[string][][]byte{}, baselines: map[string]string{},
		judges: map[string][]byte{}, paths: map[string][]byte{}, courses: map[string][]byte{}, progress: map[string]stagger.Progress{},
	}
}

// Submit puts a command into the inbox.
func (j *Journal) Submit(c stagger.Command) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.commands = append(j.commands, c)
}

// Answer returns what became of a command; nil while it waits.
func (j *Journal) Answer(id string) *stagger.Result {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.commands {
		if c.ID == id {
			return c.Result
		}
	}
	return nil
}

// Rollouts returns every rollout there was, by ID.
func (j *Journal) Rollouts() []stagger.Rollout {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all()
}

func (j *Journal) all() []stagger.Rollout {
	return slices.SortedFunc(maps.Values(j.rollouts), func(a, b stagger.Rollout) int { return a.CreatedAt.Compare(b.CreatedAt) })
}

// Recorded returns one rollout; zero if there is none.
func (j *Journal) Recorded(id string) stagger.Rollout {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rollouts[id]
}

// Rollout returns one rollout to the controller.
func (j *Journal) Rollout(ctx context.Context, id string) (stagger.Rollout, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r, ok := j.rollouts[id]
	if err := j.read(ctx); err != nil {
		return stagger.Rollout{}, err
	}
	if !ok {
		return r, &stagger.Error{Code: stagger.CodeNotFound, Message: "there is no rollout " + id}
	}
	return r, nil
}

// LastProgress returns the last progress saved of a rollout.
func (j *Journal) LastProgress(id string) stagger.Progress {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.progress[id]
}

// History returns the events of a rollout.
func (j *Journal) History(id string) []stagger.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.history(id)
}

func (j *Journal) history(id string) []stagger.Event {
	var events []stagger.Event
	for _, body := range j.histories[id] {
		var e stagger.Event
		if err := json.Unmarshal(body, &e); err != nil {
			j.breach("history of %s cannot be read: %v", id, err)
			return nil
		}
		events = append(events, e)
	}
	return events
}

// Split is what may be in force for a service at most: what is recorded.
func (j *Journal) Split(service, configured string) stagger.Split {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.rollouts {
		if r.Service == service && !r.Phase.Final() {
			return engine.Split(r)
		}
	}
	if recorded := j.baselines[service]; recorded != "" {
		configured = recorded
	}
	return stagger.Split{Service: service, Baseline: configured}
}

// Broken lists what was asked of the journal that must never be.
func (j *Journal) Broken() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.broken)
}

func (j *Journal) breach(format string, args ...any) {
	j.broken = append(j.broken, fmt.Sprintf(format, args...))
}

// read fails when reads do.
func (j *Journal) read(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if j.Down != nil && j.Down() {
		return errDown
	}
	return nil
}

// write does what keep does, or not, as the fault has it.
func (j *Journal) write(ctx context.Context, keep func() error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	fault := Works
	if j.Fault != nil {
		fault = j.Fault()
	}
	if fault == Refuses {
		return errDown
	}
	if err := keep(); err != nil {
		return err
	}
	if fault == Forgetful {
		return errDown
	}
	return nil
}

// Active returns the rollouts that are not over.
func (j *Journal) Active(ctx context.Context) ([]stagger.Rollout, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.read(ctx); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(j.all(), func(r stagger.Rollout) bool { return r.Phase.Final() }), nil
}

// Commit keeps r and its last events.
func (j *Journal) Commit(ctx context.Context, r stagger.Rollout, events []stagger.Event) error {
	return j.write(ctx, func() error {
		if err := j.accepts(r, events, ""); err != nil {
			return err
		}
		j.keep(r, events)
		return nil
	})
}

// Supersede keeps the end of one rollout and the start of another.
func (j *Journal) Supersede(ctx context.Context, old stagger.Rollout, oldEvents []stagger.Event, next stagger.Rollout, nextEvents []stagger.Event) error {
	return j.write(ctx, func() error {
		if err := errors.Join(j.accepts(old, oldEvents, ""), j.accepts(next, nextEvents, old.ID)); err != nil {
			return err
		}
		j.keep(old, oldEvents)
		j.keep(next, nextEvents)
		return nil
	})
}

// accepts says whether the events follow what is kept. What can never be right
// is a breach.
func (j *Journal) accepts(r stagger.Rollout, events []stagger.Event, ending string) error {
	stored := j.rollouts[r.ID]
	if stored.Events+uint64(len(events)) != r.Events {
		return &stagger.Error{Code: stagger.CodeConflict, Message: fmt.Sprintf("%s has %d events, not %d", r.ID, stored.Events, r.Events-uint64(len(events)))}
	}
	for id, other := range j.rollouts {
		if id != r.ID && id != ending && other.Service == r.Service && !other.Phase.Final() && !r.Phase.Final() {
			return &stagger.Error{Code: stagger.CodeConflict, Message: fmt.Sprintf("%s is still active", id)}
		}
	}
	for _, e := range events {
		before := stored
		var err error
		if stored, err = engine.Apply(stored, e); err != nil {
			j.breach("%s: %v", r.ID, err)
			return err
		}
		if e.Stage > before.Stage+1 && e.Command == "" && e.Seq > 1 {
			j.breach("%s skips from stage %d to %d", r.ID, before.Stage, e.Stage)
		}
	}
	if !reflect.DeepEqual(stored, r) {
		j.breach("%s: the events do not add up to the rollout", r.ID)
	}
	return nil
}

func (j *Journal) keep(r stagger.Rollout, events []stagger.Event) {
	j.rollouts[r.ID] = r
	for _, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			j.breach("event %d of %s cannot be written: %v", e.Seq, r.ID, err)
		}
		j.histories[r.ID] = append(j.histories[r.ID], body)
		if e.Command != "" {
			j.answer(e.Command, stagger.Result{Rollout: r.ID, At: e.At})
		}
		if e.Kind == stagger.EventPromoted {
			j.baselines[r.Service] = r.Candidate
		}
	}
}

func (j *Journal) answer(id string, result stagger.Result) {
	for i := range j.commands {
		if j.commands[i].ID == id {
			if was := j.commands[i].Result; was != nil {
				j.breach("command %s is answered twice", id)
			}
			j.commands[i].Result = &result
		}
	}
}

// CheckReplay replays every history from its written form.
func (j *Journal) CheckReplay() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, r := range j.rollouts {
		replayed, err := engine.Replay(j.history(id))
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(replayed, r) {
			return fmt.Errorf("the history of %s does not replay to it", id)
		}
	}
	return nil
}

// Baseline returns the version promoted last.
func (j *Journal) Baseline(ctx context.Context, service string) (string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.baselines[service], j.read(ctx)
}

// Pending returns the commands without an answer.
func (j *Journal) Pending(ctx context.Context) ([]stagger.Command, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.read(ctx); err != nil {
		return nil, err
	}
	return j.waiting(), nil
}

// Resolve answers a command.
func (j *Journal) Resolve(ctx context.Context, id string, result stagger.Result) error {
	return j.write(ctx, func() error {
		j.answer(id, result)
		return nil
	})
}

// SaveJudge keeps the evidence of a rollout.
func (j *Journal) SaveJudge(ctx context.Context, rollout string, state []byte) error {
	return j.write(ctx, func() error {
		j.judges[rollout] = slices.Clone(state)
		return nil
	})
}

// Judge returns the evidence kept of a rollout.
func (j *Journal) Judge(ctx context.Context, rollout string) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.judges[rollout], j.read(ctx)
}

// SavePath keeps how the evidence of a rollout grew.
func (j *Journal) SavePath(ctx context.Context, rollout string, path []byte) error {
	return j.write(ctx, func() error {
		j.paths[rollout] = slices.Clone(path)
		return nil
	})
}

// Path returns the path kept of a rollout.
func (j *Journal) Path(ctx context.Context, rollout string) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.paths[rollout], j.read(ctx)
}

// SaveCourse keeps how a rollout went.
func (j *Journal) SaveCourse(ctx context.Context, rollout string, state []byte) error {
	return j.write(ctx, func() error {
		j.courses[rollout] = slices.Clone(state)
		return nil
	})
}

// CourseState returns the course kept of a rollout.
func (j *Journal) CourseState(ctx context.Context, rollout string) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.courses[rollout], j.read(ctx)
}

// SaveProgress keeps how a rollout does.
func (j *Journal) SaveProgress(ctx context.Context, p stagger.Progress) error {
	return j.write(ctx, func() error {
		j.progress[p.Rollout] = p
		return nil
	})
}

// Waiting returns the commands without an answer, whatever fails.
func (j *Journal) Waiting() []stagger.Command {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.waiting()
}

func (j *Journal) waiting() []stagger.Command {
	return slices.DeleteFunc(slices.Clone(j.commands), func(c stagger.Command) bool { return c.Result != nil })
}

// Command makes a command of verb for a rollout.
func Command(id string, verb stagger.Verb, rollout string, at time.Time) stagger.Command {
	return stagger.Command{ID: id, Verb: verb, Rollout: rollout, Actor: "ada", Reason: "by hand", At: at}
}
