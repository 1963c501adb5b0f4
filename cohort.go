package stagger

// Key says what identifies a subject, so that the same subject always meets
// the same version. Exactly one field is set; a request that lacks the header
// or cookie is identified by its client address.
type Key struct {
	Header        string `json:"header,omitempty"`
	Cookie        string `json:"cookie,omitempty"`
	ClientAddress bool   `json:"client_address,omitempty"`
}

// Rule puts subjects into the cohort by an attribute of the request. One of
// Header, Cookie and Claim (a claim of the bearer token's payload, read
// without verifying it) names the attribute; one of Equals, In and Matches (an
// RE2 expression that must match the whole value) tests it.
type Rule struct {
	Header  string   `json:"header,omitempty"`
	Cookie  string   `json:"cookie,omitempty"`
	Claim   string   `json:"claim,omitempty"`
	Equals  string   `json:"equals,omitempty"`
	In      []string `json:"in,omitempty"`
	Matches string   `json:"matches,omitempty"`
}

// Split is the traffic wanted now for one service: who meets the candidate.
// Without a candidate everybody meets the baseline.
type Split struct {
	Service   string `json:"service"`
	Baseline  string `json:"baseline"`
	Candidate string `json:"candidate,omitempty"`
	// Weight is the share of all subjects on the candidate.
	Weight Weight `json:"weight"`
	// Rules put their subjects on the candidate whatever the weight; of those
	// subjects RuleShare stay there (WeightFull unless traffic is shed).
	Rules     []Rule `json:"rules,omitempty"`
	RuleShare Weight `json:"rule_share,omitempty"`
	Key       Key    `json:"key"`
	Seed      string `json:"seed"`
	// Shadow is the share of the baseline's requests that are mirrored to the
	// candidate, by ShadowRules; nobody meets its answers.
	Shadow      Weight  `json:"shadow,omitempty"`
	ShadowRules *Shadow `json:"shadow_rules,omitempty"`
	// Rollout is the rollout that wants it; empty when none does.
	Rollout string `json:"rollout,omitempty"`
}

// Exposes says whether any subject at all may meet the candidate.
func (s Split) Exposes() bool {
	return s.Candidate != "" && (s.Weight > 0 || (len(s.Rules) > 0 && s.RuleShare > 0))
}

// Exceeds says whether s may expose a subject that t does not: more weight,
// more rules or another candidate; or mirror a request that t does not. What
// exceeds the record must wait for it.
func (s Split) Exceeds(t Split) bool {
	if s.mirrorsBeyond(t) {
		return true
	}
	if !s.Exposes() {
		return false
	}
	if s.Candidate != t.Candidate || s.Seed != t.Seed || s.Key != t.Key || s.Weight > t.Weight {
		return true
	}
	return len(s.Rules) > 0 && (len(s.Rules) > len(t.Rules) || s.RuleShare > t.RuleShare)
}

// Abilities says what a data plane can do, so that a plan that asks for more
// is refused before it starts.
type Abilities struct {
	Precision Weight `json:"precision"` // the smallest step of a weight
	Sticky    bool   `json:"sticky"`    // keeps a subject on its version
	Header    bool   `json:"header"`    // rules by header
	Cookie    bool   `json:"cookie"`    // rules and keys by cookie
	Claim     bool   `json:"claim"`     // rules by token claim
	Mirror    bool   `json:"mirror"`    // sends copies of requests and compares the answers
}
