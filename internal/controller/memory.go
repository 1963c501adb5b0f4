package controller

import (
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// What a service did of late is kept in pieces, enough to learn from what is
// usual when a rollout begins.
const (
	pieceSpan = 5 * time.Second
	maxPieces = 120 // ten minutes
)

// memory is the last ten minutes of one service.
type memory struct{ pieces []stagger.Tick }

// add takes a tick up into the last piece, or begins another.
func (m *memory) add(t stagger.Tick) {
	if n := len(m.pieces); n > 0 && t.To.Sub(m.pieces[n-1].From) <= pieceSpan {
		m.pieces[n-1] = join(m.pieces[n-1], t)
		return
	}
	t.Share, t.Observations = nil, slices.Clone(t.Observations)
	for i, o := range t.Observations {
		t.Observations[i] = remembered(o)
	}
	m.pieces = append(m.pieces, t)
	if len(m.pieces) > maxPieces {
		m.pieces = slices.Delete(m.pieces, 0, len(m.pieces)-maxPieces)
	}
}

// of returns the pieces with what version did, and nothing else.
func (m *memory) of(version string) []stagger.Tick {
	var out []stagger.Tick
	for _, t := range m.pieces {
		t.Observations = slices.DeleteFunc(slices.Clone(t.Observations), func(o stagger.Observation) bool { return o.Version != version })
		out = append(out, t)
	}
	return out
}
