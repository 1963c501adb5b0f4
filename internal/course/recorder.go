// Package course keeps how both versions of a rollout did over its life, how
// long their requests took, and who met the candidate: what people look at.
// Nothing is decided by it.
package course

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/distinct"
)

// The two sides of every comparison.
const (
	baseline = iota
	candidate
	arms
)

// What bounds a course.
const (
	points    = 240
	readings  = 16 // metrics of a version
	firstStep = time.Second
	lastStep  = firstStep << 20 // eight years of points
)

// Recorder keeps all this of one rollout. It holds at most 240 closed moments:
// when it is full, neighbours are put together, and from then on moments are
// twice as far apart. It is not safe for concurrent use.
type Recorder struct{ state state }

// state is all that is written down.
type state struct {
	Versions [arms]string     `json:"versions"`
	Course   stagger.Course   `json:"course"` // what is closed
	Open     interval         `json:"open"`   // the moment under way
	Number   int              `json:"number"` // of the stage
	Stage    window           `json:"stage"`
	Rollout  window           `json:"rollout"`
	Exposure stagger.Exposure `json:"exposure"`
	Crowd    []byte           `json:"crowd,omitempty"` // a sketch
	Until    time.Time        `json:"until,omitzero"`  // the end of the last tick
}

// New returns a recorder of a rollout that begins.
func New(baselineVersion, candidateVersion string) *Recorder {
	r := &Recorder{state: state{
		Versions: [arms]string{baselineVersion, candidateVersion},
		Course: stagger.Course{
			Step: firstStep, At: []time.Time{},
			Baseline:  stagger.CourseVersion{Version: baselineVersion, Readings: []stagger.CourseReading{}},
			Candidate: stagger.CourseVersion{Version: candidateVersion, Readings: []stagger.CourseReading{}},
		},
	}}
	for _, list := range columns(&r.state.Course) {
		*list = stagger.Series{}
	}
	return r
}

// Restore returns a recorder that goes on from what State wrote.
func Restore(data []byte) (*Recorder, error) {
	r := &Recorder{}
	if err := json.Unmarshal(data, &r.state); err != nil {
		return nil, fmt.Errorf("read the course: %w", err)
	}
	if !r.state.sound() {
		return nil, fmt.Errorf("read the course: its lists do not fit together")
	}
	return r, nil
}

// State writes everything down.
func (r *Recorder) State() ([]byte, error) {
	data, err := json.Marshal(&r.state)
	if err != nil {
		return nil, fmt.Errorf("write the course: %w", err)
	}
	return data, nil
}

// sound says whether s is one that a recorder can have written.
func (s *state) sound() bool {
	c := &s.Course
	n := len(c.At)
	if n > points || c.Step < firstStep || c.Step > lastStep || len(c.Baseline.Readings) > readings || len(c.Candidate.Readings) > readings {
		return false
	}
	for i := 1; i < n; i++ {
		if !c.At[i].After(c.At[i-1]) {
			return false
		}
	}
	for _, list := range columns(c) {
		if len(*list) != n {
			return false
		}
	}
	if s.Crowd != nil {
		if _, err := distinct.Restore(s.Crowd); err != nil {
			return false
		}
	}
	return s.Versions == [arms]string{c.Baseline.Version, c.Candidate.Version}
}

// Observe takes in a tick. One that is no news it passes over.
func (r *Recorder) Observe(t *stagger.Tick) {
	s := &r.state
	if !t.To.After(s.Until) || !t.To.After(t.From) {
		return
	}
	s.Until = t.To
	r.place(t)
	for i := range t.Observations {
		o := &t.Observations[i]
		side, ours := s.side(o.Version)
		if !ours {
			continue
		}
		s.Open.Arms[side].observe(o)
		s.Rollout.add(side, t, o)
		s.Stage.add(side, t, o)
		s.expose(side, o)
	}
	if s.Open.To.Sub(s.Open.From) >= s.Course.Step {
		r.close()
	}
}

// side says which version an observation is of.
func (s *state) side(version string) (side int, ours bool) {
	switch version {
	case s.Versions[candidate]:
		return candidate, true
	case s.Versions[baseline]:
		return baseline, true
	}
	return 0, false
}

func (s *state) expose(side int, o *stagger.Observation) {
	e := &s.Exposure
	e.All += o.Started
	if side == candidate {
		e.Requests += o.Started
		e.Failed += o.Outcomes.Failed()
		e.Unfinished += o.Unfinished
	}
}

// BeginStage begins the distribution of a stage by its number, if that is another
// than the one under way.
func (r *Recorder) BeginStage(number int, at time.Time) {
	if s := &r.state; number != s.Number || s.Stage.Since.IsZero() {
		s.Number, s.Stage = number, window{Since: at}
	}
}

// Amend raises the exposure to one that was kept elsewhere.
func (r *Recorder) Amend(kept stagger.Exposure) {
	e := &r.state.Exposure
	e.All, e.Requests = max(e.All, kept.All), max(e.Requests, kept.Requests)
	e.Failed, e.Unfinished = max(e.Failed, kept.Failed), max(e.Unfinished, kept.Unfinished)
	e.Users = max(e.Users, kept.Users)
}

// Look takes in what ticks do not tell: the share that the weight gives the
// candidate now, and of each level what is under way, saturated, waiting and
// told.
func (r *Recorder) Look(wished float64, baselineLevel, candidateLevel stagger.Level) {
	open := &r.state.Open
	open.Wished.add(wished)
	open.Arms[baseline].look(baselineLevel)
	open.Arms[candidate].look(candidateLevel)
}

// Meet takes in a sketch of those who met the candidate; nil says nothing.
func (r *Recorder) Meet(crowd *distinct.Sketch) {
	if crowd == nil {
		return
	}
	s := &r.state
	if known, err := distinct.Restore(s.Crowd); err == nil {
		crowd.Merge(known)
	}
	s.Crowd = crowd[:]
	s.Exposure.Users = min(uint64(crowd.Estimate()+0.5), s.Exposure.Requests)
}

// Exposure returns who met the candidate so far.
func (r *Recorder) Exposure() stagger.Exposure { return r.state.Exposure }

// Distribution returns how long requests took.
func (r *Recorder) Distribution() stagger.Distribution {
	s := &r.state
	return stagger.Distribution{At: s.Until, Stage: s.Stage.latencies(s.Versions), Rollout: s.Rollout.latencies(s.Versions)}
}
