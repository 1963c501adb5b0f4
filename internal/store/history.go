package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stagger-dev/stagger"
)

// PageLimit is the most entries one call returns. A limit of zero or less, or
// a larger one, means PageLimit.
const PageLimit = 1000

func page(limit int) int {
	if limit <= 0 || limit > PageLimit {
		return PageLimit
	}
	return limit
}

// Filter chooses rollouts; the zero Filter chooses all.
type Filter struct {
	Service string // of this service only
	Active  bool   // only those not yet over
	Text    string // only those whose record holds it, in whatever case
	Limit   int    // at most so many, see PageLimit
}

// LogEntry is an event and its place in the log of all rollouts.
type LogEntry struct {
	ID    int64 // 1 for the first, without gaps
	Event stagger.Event
}

// Active returns the rollouts that are not over, oldest first.
func (s *Store) Active(ctx context.Context) ([]stagger.Rollout, error) {
	list, err := collect(ctx, s.read, decodeRow[stagger.Rollout], `SELECT body FROM rollouts WHERE active = 1 ORDER BY position`)
	return list, s.failure("read rollouts", err)
}

// Rollout returns one rollout, or CodeNotFound.
func (s *Store) Rollout(ctx context.Context, id string) (stagger.Rollout, error) {
	list, err := collect(ctx, s.read, decodeRow[stagger.Rollout], `SELECT body FROM rollouts WHERE id = $1`, id)
	if err == nil && len(list) == 0 {
		err = missing("there is no rollout %s", id)
	}
	if err != nil {
		return stagger.Rollout{}, s.failure("read rollout", err)
	}
	return list[0], nil
}

// Rollouts returns the rollouts that f chooses, newest first.
func (s *Store) Rollouts(ctx context.Context, f Filter) ([]stagger.Rollout, error) {
	active := 0
	if f.Active {
		active = 1
	}
	list, err := collect(ctx, s.read, decodeRow[stagger.Rollout], `
		SELECT body FROM rollouts WHERE ($1 = '' OR service = $1) AND active >= $2
		AND ($3 = '' OR LOWER(body) LIKE $3 ESCAPE '!')
		ORDER BY position DESC LIMIT $4`, f.Service, active, pattern(f.Text), page(f.Limit))
	return list, s.failure("read rollouts", err)
}

// pattern is what the record of a rollout is like that holds text; "" for
// anything. The record is JSON. Only letters of ASCII have a case here, as SQLite
// has it.
func pattern(text string) string {
	quoted, err := json.Marshal(strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text))
	if text == "" || err != nil {
		return ""
	}
	inner := string(quoted[1 : len(quoted)-1])
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(inner) + "%"
}

// History returns the events of a rollout whose seq is above after, oldest
// first, at most limit (see PageLimit). A rollout that is not there has none.
func (s *Store) History(ctx context.Context, rollout string, after uint64, limit int) ([]stagger.Event, error) {
	list, err := collect(ctx, s.read, decodeRow[stagger.Event],
		`SELECT body FROM events WHERE rollout = $1 AND seq > $2 ORDER BY seq LIMIT $3`, rollout, after, page(limit))
	return list, s.failure("read the history", err)
}

// Log returns what happened to all rollouts after the entry with id after,
// oldest first, at most limit (see PageLimit).
func (s *Store) Log(ctx context.Context, after int64, limit int) ([]LogEntry, error) {
	list, err := collect(ctx, s.read, decodeEntry,
		`SELECT id, body FROM events WHERE id > $1 ORDER BY id LIMIT $2`, after, page(limit))
	return list, s.failure("read the log", err)
}

// RolloutLog is Log with the entries of one rollout only.
func (s *Store) RolloutLog(ctx context.Context, rollout string, after int64, limit int) ([]LogEntry, error) {
	list, err := collect(ctx, s.read, decodeEntry,
		`SELECT id, body FROM events WHERE rollout = $1 AND id > $2 ORDER BY seq LIMIT $3`, rollout, after, page(limit))
	return list, s.failure("read the log", err)
}

// Last returns the id of the newest log entry, 0 when there is none.
func (s *Store) Last(ctx context.Context) (int64, error) {
	var id int64
	err := s.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(id), 0) FROM events`).Scan(&id)
	return id, s.failure("read the log", err)
}

// collect runs a query and decodes each row.
func collect[T any](ctx context.Context, db *sql.DB, decode func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells what matters
	var list []T
	for rows.Next() {
		v, err := decode(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// decodeRow reads a row of one column, a JSON value.
func decodeRow[T any](rows *sql.Rows) (T, error) {
	var body []byte
	var v T
	if err := rows.Scan(&body); err != nil {
		return v, err
	}
	return v, decode(body, &v)
}

func decodeEntry(rows *sql.Rows) (LogEntry, error) {
	var body []byte
	var e LogEntry
	if err := rows.Scan(&e.ID, &body); err != nil {
		return e, err
	}
	return e, decode(body, &e.Event)
}

// errUnreadable marks a recorded value that is not what it should be.
var errUnreadable = errors.New("a recorded value cannot be read")

func decode(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return nil
}
