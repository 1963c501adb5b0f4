package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/stagger-dev/stagger"
)

// Ending is a rollout that is over, by its place in the log of all.
type Ending struct {
	Rollout  string
	Position int64  // of the entry that created it; newer ones are higher
	Events   uint64 // how many it has; it changes only with them
}

// Endings lists the rollouts that are over, newest first: of service, or of all
// when it is empty, below the position before, or from the newest when that is 0.
// There are at most limit (see PageLimit).
func (s *Store) Endings(ctx context.Context, service string, before int64, limit int) ([]Ending, error) {
	list, err := collect(ctx, s.read, decodeEnding, `
		SELECT id, position, events FROM rollouts
		WHERE active = 0 AND ($1 = '' OR service = $1) AND ($2 = 0 OR position < $2)
		ORDER BY position DESC LIMIT $3`, service, before, page(limit))
	return list, s.failure("read rollouts", err)
}

func decodeEnding(rows *sql.Rows) (Ending, error) {
	var e Ending
	return e, rows.Scan(&e.Rollout, &e.Position, &e.Events)
}

// Turns returns the events of a rollout without the evidence that they rested
// on, which is most of what they hold, oldest first; at most PageLimit.
func (s *Store) Turns(ctx context.Context, rollout string) ([]stagger.Event, error) {
	list, err := collect(ctx, s.read, decodeRow[turn],
		`SELECT body FROM events WHERE rollout = $1 ORDER BY seq LIMIT $2`, rollout, PageLimit)
	events := make([]stagger.Event, len(list))
	for i, t := range list {
		events[i] = stagger.Event{
			Rollout: rollout, Seq: t.Seq, At: t.At, Kind: t.Kind, Actor: t.Actor, Phase: t.Phase, Stage: t.Stage,
			Weight: t.Weight, Manual: t.Manual, Hold: t.Hold,
		}
	}
	return events, s.failure("read the history", err)
}

// turn is the part of an event that Turns reads.
type turn struct {
	Seq    uint64            `json:"seq"`
	At     time.Time         `json:"at"`
	Kind   stagger.EventKind `json:"kind"`
	Actor  string            `json:"actor"`
	Phase  stagger.Phase     `json:"phase"`
	Stage  int               `json:"stage"`
	Weight stagger.Weight    `json:"weight"`
	Manual bool              `json:"manual"`
	Hold   stagger.Hold      `json:"hold"`
}

// ChainEntry is an event with its place in the hash chain.
type ChainEntry struct {
	Event stagger.Event
	ID    int64  // place in the log of all rollouts
	Hash  string // of everything up to it, hexadecimal
}

// Chain is History with the place of each event in the hash chain.
func (s *Store) Chain(ctx context.Context, rollout string, after uint64, limit int) ([]ChainEntry, error) {
	list, err := collect(ctx, s.read, decodeChainEntry,
		`SELECT id, hash, body FROM events WHERE rollout = $1 AND seq > $2 ORDER BY seq LIMIT $3`, rollout, after, page(limit))
	return list, s.failure("read the history", err)
}

func decodeChainEntry(rows *sql.Rows) (ChainEntry, error) {
	var l ChainEntry
	var body []byte
	if err := rows.Scan(&l.ID, &l.Hash, &body); err != nil {
		return l, err
	}
	return l, decode(body, &l.Event)
}
