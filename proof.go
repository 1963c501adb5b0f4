package stagger

// Proof is what checking the whole recorded history found. The history is a
// chain: the hash of each entry covers the hash of the one before it.
type Proof struct {
	// Events is how many entries were checked and found right.
	Events uint64 `json:"events"`
	// Head is the hash of the last right entry, hexadecimal. Kept elsewhere, it
	// proves later that nothing up to it was rewritten.
	Head string `json:"head"`
	// Broken is the first entry that is wrong; nil when none is.
	Broken *Broken `json:"broken,omitempty"`
}

// Intact says whether the history is as it was recorded.
func (p Proof) Intact() bool { return p.Broken == nil }

// Broken locates what is wrong in the history.
type Broken struct {
	ID      int64  `json:"id"` // place in the log of all rollouts, 1 for the first
	Rollout string `json:"rollout,omitempty"`
	Seq     uint64 `json:"seq,omitempty"`
	Message string `json:"message"`
}
