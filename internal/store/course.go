package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/course"
)

// coursesKept is of how many rollouts, the newest, the course is kept. One takes
// up to some 80 KB.
const coursesKept = 1000

// SaveCourse keeps what a course.Recorder of a rollout wrote, in place of what
// was kept before. Courses of rollouts that are over go when there are a thousand
// newer ones.
func (s *Store) SaveCourse(ctx context.Context, rollout string, state []byte) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.failure("keep the course", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := saveCourse(ctx, tx, rollout, state); err != nil {
		return s.failure("keep the course", err)
	}
	return s.failure("keep the course", tx.Commit())
}

func saveCourse(ctx context.Context, tx *sql.Tx, rollout string, state []byte) error {
	updated, err := tx.ExecContext(ctx, `UPDATE courses SET state = $2 WHERE rollout = $1`, rollout, string(state))
	if err != nil {
		return err
	}
	if n, err := updated.RowsAffected(); err != nil || n > 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO courses (rollout, state) VALUES ($1, $2)`, rollout, string(state)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		DELETE FROM courses WHERE rollout IN (
			SELECT id FROM rollouts WHERE active = 0 AND id <> $1
			AND position < (SELECT position FROM rollouts ORDER BY position DESC LIMIT 1 OFFSET $2))`, rollout, coursesKept-1)
	return err
}

// CourseState returns what SaveCourse kept, nil when there is nothing.
func (s *Store) CourseState(ctx context.Context, rollout string) ([]byte, error) {
	var state []byte
	err := s.read.QueryRowContext(ctx, `SELECT state FROM courses WHERE rollout = $1`, rollout).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return state, s.failure("read the course", err)
}

// Course returns how both versions of a rollout did over its life, some seconds
// old at most; without moments while nothing was kept, or no longer is. The error
// has CodeNotFound when there is no such rollout.
func (s *Store) Course(ctx context.Context, rollout string) (stagger.Course, error) {
	r, err := s.recorder(ctx, rollout)
	if err != nil {
		return stagger.Course{}, err
	}
	return r.Course(), nil
}

// Distribution returns how long the requests of both versions took, as old as
// Course; without bins while nothing was kept, or no longer is.
func (s *Store) Distribution(ctx context.Context, rollout string) (stagger.Distribution, error) {
	r, err := s.recorder(ctx, rollout)
	if err != nil {
		return stagger.Distribution{}, err
	}
	return r.Distribution(), nil
}

func (s *Store) recorder(ctx context.Context, rollout string) (*course.Recorder, error) {
	kept, err := s.CourseState(ctx, rollout)
	if err != nil {
		return nil, err
	}
	if kept == nil {
		r, err := s.Rollout(ctx, rollout)
		return course.New(r.Baseline, r.Candidate), err
	}
	r, err := course.Restore(kept)
	if err != nil {
		return nil, s.failure("read the course", fmt.Errorf("of rollout %s: %w", rollout, err))
	}
	return r, nil
}
