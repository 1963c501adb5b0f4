package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/stagger-dev/stagger"
)

// The bounds on the inbox.
const (
	maxPending   = 1000
	maxCommandID = 200 // bytes
)

// Submit puts a command into the inbox and returns it as it is kept there.
// Submitting the same command again (the moment apart) returns the first one,
// with its result once there is one; CodeConflict tells that the ID belongs to
// another command.
func (s *Store) Submit(ctx context.Context, c stagger.Command) (stagger.Command, error) {
	if c.ID == "" || len(c.ID) > maxCommandID {
		return stagger.Command{}, invalid("a command needs an id of 1 to %d bytes", maxCommandID)
	}
	c.Result = nil
	err := s.inTx(ctx, "keep the command", func(tx *sql.Tx) error {
		stored, err := findCommand(ctx, tx, c.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return insertCommand(ctx, tx, c)
		}
		if err != nil {
			return err
		}
		if !sameCommand(stored, c) {
			return conflict("the idempotency key %s was used for another command; use a new one", c.ID)
		}
		c = stored
		return nil
	})
	if err != nil {
		return stagger.Command{}, err
	}
	return c, nil
}

func insertCommand(ctx context.Context, tx *sql.Tx, c stagger.Command) error {
	var pending int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM commands WHERE result IS NULL`).Scan(&pending); err != nil {
		return err
	}
	if pending >= maxPending {
		return unavailable("%d commands wait to be carried out; is the controller running?", pending)
	}
	body, err := json.Marshal(c)
	if err != nil {
		return invalid("the command cannot be encoded: %v", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO commands (id, position, body)
		SELECT $1, COALESCE(MAX(position), 0) + 1, $2 FROM commands`, c.ID, string(body))
	return err
}

// sameCommand compares what is asked, not when.
func sameCommand(a, b stagger.Command) bool {
	a.At, a.Result = b.At, b.Result
	first, err := json.Marshal(a)
	if err != nil {
		return false
	}
	second, err := json.Marshal(b)
	return err == nil && bytes.Equal(first, second)
}

// Command returns one command with its result, if there is one, or
// CodeNotFound.
func (s *Store) Command(ctx context.Context, id string) (stagger.Command, error) {
	list, err := collect(ctx, s.read, decodeCommand, `SELECT body, result FROM commands WHERE id = $1`, id)
	if err == nil && len(list) == 0 {
		err = missing("there is no command %s", id)
	}
	if err != nil {
		return stagger.Command{}, s.failure("read the command", err)
	}
	return list[0], nil
}

// Pending returns the commands that were not carried out yet, oldest first.
func (s *Store) Pending(ctx context.Context) ([]stagger.Command, error) {
	list, err := collect(ctx, s.read, decodeCommand,
		`SELECT body, result FROM commands WHERE result IS NULL ORDER BY position LIMIT $1`, maxPending)
	return list, s.failure("read the commands", err)
}

// Resolve records what became of a command that changed nothing: one that was
// refused, as a rule. A command that has a result already keeps it; one that is
// not there is CodeNotFound.
func (s *Store) Resolve(ctx context.Context, id string, result stagger.Result) error {
	return s.inTx(ctx, "record the result", func(tx *sql.Tx) error {
		changed, err := resolve(ctx, tx, id, result)
		if err != nil || changed {
			return err
		}
		_, err = findCommand(ctx, tx, id)
		if errors.Is(err, sql.ErrNoRows) {
			return missing("there is no command %s", id)
		}
		return err
	})
}

// resolve records the first result of a command and says whether it was the
// first.
func resolve(ctx context.Context, tx *sql.Tx, id string, result stagger.Result) (bool, error) {
	body, err := json.Marshal(result)
	if err != nil {
		return false, internal("encode the result of command %s: %v", id, err)
	}
	done, err := tx.ExecContext(ctx, `UPDATE commands SET result = $1 WHERE id = $2 AND result IS NULL`, string(body), id)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

func findCommand(ctx context.Context, tx *sql.Tx, id string) (stagger.Command, error) {
	return scanCommand(tx.QueryRowContext(ctx, `SELECT body, result FROM commands WHERE id = $1`, id))
}

func decodeCommand(rows *sql.Rows) (stagger.Command, error) { return scanCommand(rows) }

// scanCommand reads a row of body and result.
func scanCommand(row interface{ Scan(...any) error }) (stagger.Command, error) {
	var body, result []byte
	var c stagger.Command
	if err := row.Scan(&body, &result); err != nil {
		return c, err
	}
	if err := decode(body, &c); err != nil {
		return c, err
	}
	if result == nil {
		return c, nil
	}
	return c, decode(result, &c.Result)
}
