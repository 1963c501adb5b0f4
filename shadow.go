package stagger

import (
	"slices"
	"time"
)

// Shadow says how requests are mirrored to the candidate: which ones, and what
// counts as another answer.
type Shadow struct {
	// Methods may be mirrored. Empty is GET, HEAD and OPTIONS, which are safe;
	// any other is carried out twice or three times.
	Methods []string `json:"methods,omitempty"`
	// Headers are the fields of an answer that are compared beside its status.
	// Empty is Content-Type and Location.
	Headers []string `json:"headers,omitempty"`
	// Ignore are the places of an answer that are not compared, with all that
	// lies in them: "$.timestamp", "$.items[].price", "header.location".
	Ignore []string `json:"ignore,omitempty"`
	// Numbers in JSON may differ by this part of the larger one, 0.001 for
	// 0.1 %.
	Numbers float64 `json:"numbers,omitempty"`
	// Keys say by which member the items of an array are told apart, where their
	// order does not matter.
	Keys []ArrayKey `json:"keys,omitempty"`
	// Redact are names of members and fields of which no value is shown, beside
	// those that are never shown.
	Redact []string `json:"redact,omitempty"`
	// Repeat is the share of the mirrored requests that the baseline gets a
	// second time, to find out what differs by itself.
	Repeat Weight `json:"repeat"`
}

// ArrayKey names the member that tells the items of an array apart.
type ArrayKey struct {
	Array string `json:"array"` // where it is: "$.items"
	Key   string `json:"key"`   // the member of each item: "id"
}

// Mirrors says whether anything is mirrored to the candidate.
func (s Split) Mirrors() bool { return s.Candidate != "" && s.Shadow > WeightNone }

// Unmirrored returns s with nothing mirrored.
func (s Split) Unmirrored() Split {
	s.Shadow, s.ShadowRules = WeightNone, nil
	return s
}

// mirrorsBeyond says whether s may mirror a request that t does not. Nobody is
// exposed by that, but the candidate does something: it is recorded first.
func (s Split) mirrorsBeyond(t Split) bool {
	if !s.Mirrors() {
		return false
	}
	if !t.Mirrors() || s.Candidate != t.Candidate || s.Rollout != t.Rollout || s.Shadow > t.Shadow {
		return true
	}
	return slices.ContainsFunc(s.ShadowRules.methods(), func(m string) bool { return !slices.Contains(t.ShadowRules.methods(), m) })
}

// SafeMethods are those that may be mirrored where nobody says otherwise.
var SafeMethods = []string{"GET", "HEAD", "OPTIONS"}

func (s *Shadow) methods() []string {
	if s == nil || len(s.Methods) == 0 {
		return SafeMethods
	}
	return s.Methods
}

// Shadowed is what comparing answers to mirrored requests found in one interval.
// A pair is a mirrored request that the baseline answered a second time: what
// the candidate's answer and the second one differ in from the first.
type Shadowed struct {
	Compared  uint64 `json:"compared"`            // answers of the candidate
	Differing uint64 `json:"differing,omitempty"` // of them, from the baseline's; what is known to be noise apart
	Pairs     uint64 `json:"pairs,omitempty"`
	Noisy     uint64 `json:"noisy,omitempty"` // pairs in which the baseline differs from itself
	// Of the pairs, those in which only the candidate differs, and those in
	// which only the baseline does. Of versions that do the same, either is as
	// likely.
	OnlyCandidate uint64 `json:"only_candidate,omitempty"`
	OnlyBaseline  uint64 `json:"only_baseline,omitempty"`
}

// Plus returns the sum of s and t.
func (s Shadowed) Plus(t Shadowed) Shadowed {
	s.Compared += t.Compared
	s.Differing += t.Differing
	s.Pairs += t.Pairs
	s.Noisy += t.Noisy
	s.OnlyCandidate += t.OnlyCandidate
	s.OnlyBaseline += t.OnlyBaseline
	return s
}

// Differences is what the answers to the mirrored requests of a rollout differ
// in. It is kept in the memory of the process: a restart counts anew.
type Differences struct {
	Rollout string    `json:"rollout"`
	Since   time.Time `json:"since"` // counted since then
	// Mirrored counts requests of which the candidate got a copy; Failed those
	// of them without an answer or with a 5xx. Both are no requests of users and
	// in no other figure.
	Mirrored uint64  `json:"mirrored"`
	Failed   uint64  `json:"failed"`
	P50      float64 `json:"p50"` // of the candidate's answers, in seconds
	P99      float64 `json:"p99"`
	// Dropped counts requests that were chosen and not mirrored, by reason.
	Dropped []Dropped `json:"dropped"`
	Shadowed
	Paths []Difference `json:"paths"` // the surest first
	// Beyond counts differences at places beyond those that are kept.
	Beyond uint64 `json:"beyond,omitempty"`
}

// Dropped counts requests that were not mirrored for one reason.
type Dropped struct {
	Reason string `json:"reason"`
	N      uint64 `json:"n"`
}

// Difference is a place in answers at which versions differ in one way.
type Difference struct {
	// Path is the place: "status", "header.location", "body", or within JSON
	// "$.items[].price", where [] is any item.
	Path    string            `json:"path"`
	Kind    DifferenceKind    `json:"kind"`
	Finding DifferenceFinding `json:"finding"`
	// Candidate counts the candidate's answers that differ here, Noise the
	// baseline's second ones; the rates are shares of all that were compared.
	Candidate     uint64  `json:"candidate"`
	Noise         uint64  `json:"noise"`
	CandidateRate float64 `json:"candidate_rate"`
	NoiseRate     float64 `json:"noise_rate"`
	// Evidence is how far it is from being called a difference: 0 nothing, 1
	// called.
	Evidence float64   `json:"evidence"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Examples []Example `json:"examples"`
}

// DifferenceKind says how answers differ at a place.
type DifferenceKind string

// How answers differ.
const (
	DifferenceMissing DifferenceKind = "missing" // the baseline's answer has it, the other has not
	DifferenceAdded   DifferenceKind = "added"   // the other way round
	DifferenceChanged DifferenceKind = "changed" // another value
	DifferenceType    DifferenceKind = "type"    // another type of JSON value, or of body
)

// DifferenceFinding says what a difference is taken for.
type DifferenceFinding string

// What a difference may be.
const (
	FoundDifference DifferenceFinding = "difference" // proved beyond what the baseline differs by itself
	FoundNoise      DifferenceFinding = "noise"      // the baseline differs from itself as well
	FoundUnclear    DifferenceFinding = "unclear"    // too few pairs to tell
)

// Example is one difference that was met. Values are cut short; those of members
// whose names sound confidential are masked.
type Example struct {
	At        time.Time `json:"at"`
	Method    string    `json:"method"`
	Target    string    `json:"target"` // the path of the request, without its query
	Baseline  string    `json:"baseline"`
	Candidate string    `json:"candidate"`
}
