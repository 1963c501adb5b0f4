package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stagger-dev/stagger"
)

// change is a rollout and the events that led to it.
type change struct {
	rollout stagger.Rollout
	events  []stagger.Event
	body    []byte
	bodies  [][]byte // of the events
}

// Commit records the events that led to r, and r itself, in one transaction.
// With them go the results of the commands the events name and, for a
// promotion, the service's new baseline.
//
// Committing the very same events again does nothing, so a caller that does not
// know what became of a Commit repeats it. CodeConflict tells that the
// rollout's history is another one, or that another rollout of the service is
// active.
func (s *Store) Commit(ctx context.Context, r stagger.Rollout, events []stagger.Event) error {
	c, err := prepare(r, events)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "record the decision", func(tx *sql.Tx) error { return c.record(ctx, tx) })
}

// Supersede commits the end of one rollout and the beginning of another in one
// transaction, so that there is no moment without either.
func (s *Store) Supersede(ctx context.Context, old stagger.Rollout, oldEvents []stagger.Event, next stagger.Rollout, nextEvents []stagger.Event) error {
	first, err := prepare(old, oldEvents)
	if err != nil {
		return err
	}
	second, err := prepare(next, nextEvents)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "record the decision", func(tx *sql.Tx) error {
		if err := first.record(ctx, tx); err != nil {
			return err
		}
		return second.record(ctx, tx)
	})
}

// prepare checks that the events are the last of r, without gaps, and encodes
// everything before the transaction begins.
func prepare(r stagger.Rollout, events []stagger.Event) (change, error) {
	c := change{rollout: r, events: events}
	if r.ID == "" || r.Service == "" {
		return c, invalid("a rollout needs an id and a service")
	}
	if n := uint64(len(events)); n == 0 || n > r.Events {
		return c, invalid("rollout %s has %d events, %d of them new", r.ID, r.Events, n)
	}
	var err error
	if c.body, err = json.Marshal(r); err != nil {
		return c, internal("encode rollout %s: %v", r.ID, err)
	}
	for i, e := range events {
		if want := c.before() + uint64(i) + 1; e.Rollout != r.ID || e.Seq != want {
			return c, invalid("event %d of rollout %s stands where event %d of %s belongs", e.Seq, e.Rollout, want, r.ID)
		}
		body, err := json.Marshal(e)
		if err != nil {
			return c, internal("encode event %d of rollout %s: %v", e.Seq, r.ID, err)
		}
		c.bodies = append(c.bodies, body)
	}
	return c, nil
}

// before is the number of events the rollout must have already.
func (c change) before() uint64 { return c.rollout.Events - uint64(len(c.events)) }

func (c change) record(ctx context.Context, tx *sql.Tx) error {
	var stored uint64
	err := tx.QueryRowContext(ctx, `SELECT events FROM rollouts WHERE id = $1`, c.rollout.ID).Scan(&stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if stored >= c.rollout.Events {
		return c.alreadyRecorded(ctx, tx)
	}
	if stored != c.before() {
		return conflict("rollout %s has %d events recorded, not %d: somebody else changed it", c.rollout.ID, stored, c.before())
	}
	if err := c.alone(ctx, tx); err != nil {
		return err
	}
	end, err := appendEvents(ctx, tx, c.rollout.ID, c.before()+1, c.bodies)
	if err != nil {
		return err
	}
	if err := c.put(ctx, tx, end.id-int64(len(c.events))+1); err != nil {
		return err
	}
	return c.follow(ctx, tx)
}

// alreadyRecorded accepts the very same events a second time.
func (c change) alreadyRecorded(ctx context.Context, tx *sql.Tx) error {
	for i, body := range c.bodies {
		var stored []byte
		seq := c.before() + uint64(i) + 1
		err := tx.QueryRowContext(ctx, `SELECT body FROM events WHERE rollout = $1 AND seq = $2`, c.rollout.ID, seq).Scan(&stored)
		if err != nil {
			return err
		}
		if !bytes.Equal(stored, body) {
			return conflict("event %d of rollout %s is recorded already, and is another one", seq, c.rollout.ID)
		}
	}
	return nil
}

// alone refuses a second active rollout of a service.
func (c change) alone(ctx context.Context, tx *sql.Tx) error {
	if c.rollout.Phase.Final() {
		return nil
	}
	var other string
	err := tx.QueryRowContext(ctx, `SELECT id FROM rollouts WHERE service = $1 AND active = 1 AND id <> $2`,
		c.rollout.Service, c.rollout.ID).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return conflict("rollout %s of %s is still under way; end it or supersede it", other, c.rollout.Service)
}

// put writes the rollout's row; position counts only when it is new.
func (c change) put(ctx context.Context, tx *sql.Tx, position int64) error {
	active := 1
	if c.rollout.Phase.Final() {
		active = 0
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO rollouts (id, service, active, position, events, body) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET active = excluded.active, events = excluded.events, body = excluded.body`,
		c.rollout.ID, c.rollout.Service, active, position, c.rollout.Events, string(c.body))
	return err
}

// follow writes what the events bring about besides: the results of commands,
// a new baseline, and no checkpoint any more once all is over.
func (c change) follow(ctx context.Context, tx *sql.Tx) error {
	for _, e := range c.events {
		// The command that superseded a rollout is answered by the new one.
		if e.Command != "" && e.Kind != stagger.EventSuperseded {
			if _, err := resolve(ctx, tx, e.Command, stagger.Result{Rollout: c.rollout.ID, At: e.At}); err != nil {
				return err
			}
		}
		if e.Kind == stagger.EventPromoted {
			if err := c.promote(ctx, tx); err != nil {
				return err
			}
		}
	}
	if !c.rollout.Phase.Final() {
		return nil
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM judges WHERE rollout = $1`, c.rollout.ID)
	return err
}

func (c change) promote(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO services (name, baseline, rollout) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET baseline = excluded.baseline, rollout = excluded.rollout`,
		c.rollout.Service, c.rollout.Candidate, c.rollout.ID)
	if err != nil {
		return fmt.Errorf("record the baseline: %w", err)
	}
	return nil
}
