package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
)

// pathsKept is of how many rollouts, the newest, the path of the evidence is
// kept. One takes up to some 100 KB.
const pathsKept = 1000

// SavePath keeps how the evidence of a rollout grew (a stagger.Path as JSON), in
// place of what was kept before. Paths of rollouts that are over go when there
// are a thousand newer ones.
func (s *Store) SavePath(ctx context.Context, rollout string, path []byte) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.failure("keep the path of the evidence", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := savePath(ctx, tx, rollout, path); err != nil {
		return s.failure("keep the path of the evidence", err)
	}
	return s.failure("keep the path of the evidence", tx.Commit())
}

func savePath(ctx context.Context, tx *sql.Tx, rollout string, path []byte) error {
	updated, err := tx.ExecContext(ctx, `UPDATE paths SET path = $2 WHERE rollout = $1`, rollout, string(path))
	if err != nil {
		return err
	}
	if n, err := updated.RowsAffected(); err != nil || n > 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO paths (rollout, path) VALUES ($1, $2)`, rollout, string(path)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		DELETE FROM paths WHERE rollout IN (
			SELECT id FROM rollouts WHERE active = 0 AND id <> $1
			AND position < (SELECT position FROM rollouts ORDER BY position DESC LIMIT 1 OFFSET $2))`, rollout, pathsKept-1)
	return err
}

// Path returns what SavePath kept, nil when there is nothing.
func (s *Store) Path(ctx context.Context, rollout string) ([]byte, error) {
	var path []byte
	err := s.read.QueryRowContext(ctx, `SELECT path FROM paths WHERE rollout = $1`, rollout).Scan(&path)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return path, s.failure("read the path of the evidence", err)
}

// Evidence returns how the evidence of a rollout grew, some seconds old at
// most; without points while nothing was kept, or no longer is. The error has
// CodeNotFound when there is no such rollout.
func (s *Store) Evidence(ctx context.Context, rollout string) (stagger.Path, error) {
	p := stagger.Path{Step: time.Second, At: []time.Time{}, Advice: []stagger.Advice{}, Slots: []stagger.PathSlot{}}
	kept, err := s.Path(ctx, rollout)
	if err != nil {
		return p, err
	}
	if kept == nil {
		_, err := s.Rollout(ctx, rollout)
		return p, err
	}
	if err := json.Unmarshal(kept, &p); err != nil {
		return p, s.failure("read the path of the evidence", fmt.Errorf("of rollout %s: %w", rollout, err))
	}
	return p, nil
}
