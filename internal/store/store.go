// Package store keeps what must survive: rollouts and their history, the inbox
// of commands, the recorded baseline of each service, the judges' checkpoints
// and how their evidence grew, in one SQLite file.
//
// The history is append-only and chained by hashes (see Verify). All that
// belongs to one decision is written in one transaction and flushed to the disk
// before Commit returns, so that whatever was acknowledged survives a crash.
// There is one writer, this process; the file next to the store that ends in
// ".lock" keeps a second one out. Readers never wait for the writer.
//
// How a rollout does at the moment (stagger.Progress) changes several times a
// second and is kept in memory only.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

// Options are what has a sensible default.
type Options struct {
	// BusyTimeout is how long a write waits for another program that has the
	// file locked, a backup for example; 5 s when zero.
	BusyTimeout time.Duration
}

const (
	defaultBusyTimeout = 5 * time.Second
	readers            = 4
	fileMode           = 0o600
)

// Store is an open store. All methods are safe for concurrent use.
type Store struct {
	path  string
	write *sql.DB // one connection; transactions begin immediate
	read  *sql.DB
	lock  *os.File

	verifying chan struct{} // holds the one Verify that runs
	progress  progress
	watches   watches
	watchers  watchers
}

// Open opens the store at path, creating the file (readable by its owner only)
// when it does not exist; the directory must. Every error is a *stagger.Error
// that names the path and says what to do.
func Open(ctx context.Context, path string, o Options) (_ *Store, err error) {
	if path == "" {
		return nil, invalid("the store has no path; write one under store.path")
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{path: path, verifying: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.claim(); err != nil {
		return nil, err
	}
	if err := s.connect(o); err != nil {
		return nil, s.failure("open", err)
	}
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// claim makes sure that the file can be written and that no other process
// writes it.
func (s *Store) claim() error {
	file, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return s.unopenable(err)
	}
	if err := file.Close(); err != nil {
		return s.failure("open", err)
	}
	target, err := filepath.EvalSymlinks(s.path) // one lock, by whatever name the store goes
	if err != nil {
		return s.unopenable(err)
	}
	s.lock, err = lockFile(target + ".lock")
	if errors.Is(err, errLocked) {
		return conflict("store %s is in use by another Stagger process; stop that one or choose another store.path", s.path)
	}
	if err != nil {
		return s.unopenable(err)
	}
	return nil
}

// unopenable says why the file system refuses.
func (s *Store) unopenable(err error) error {
	folder := filepath.Dir(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !exists(folder):
		return invalid("store %s: the directory %s does not exist; create it or choose another store.path", s.path, folder)
	case errors.Is(err, fs.ErrPermission):
		return denied("store %s cannot be written; give this user write access to it and to %s, or choose another store.path", s.path, folder)
	case errors.Is(err, syscall.EISDIR):
		return invalid("store %s is a directory; write the path of a file as store.path", s.path)
	default:
		return unavailable("store %s cannot be opened: %v", s.path, err)
	}
}

func exists(folder string) bool {
	_, err := os.Stat(folder)
	return err == nil
}

// connect makes the pools; it does not touch the file yet.
func (s *Store) connect(o Options) (err error) {
	wait := o.BusyTimeout
	if wait == 0 {
		wait = defaultBusyTimeout
	}
	common := url.Values{
		"_busy_timeout": {strconv.FormatInt(wait.Milliseconds(), 10)},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_dqs":          {"0"},
		"_defensive":    {"1"},
	}
	if s.write, err = sql.Open("sqlite", s.source(common, "_txlock", "immediate")); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", s.source(common, "_query_only", "1")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	return nil
}

// source is the data source name with one option more.
func (s *Store) source(common url.Values, key, value string) string {
	options := url.Values{key: {value}}
	maps.Copy(options, common)
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(s.path), RawQuery: options.Encode()}
	return u.String()
}

// check reads the whole file once, so that damage is found at the start and
// not in the middle of a rollout.
func (s *Store) check(ctx context.Context) error {
	var found string
	if err := s.write.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return s.failure("open", err)
	}
	if found != "ok" {
		return s.damaged(errors.New(found))
	}
	return nil
}

// Close waits for running calls and closes the store. It may be called more
// than once.
func (s *Store) Close() error {
	var failed []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			failed = append(failed, db.Close())
		}
	}
	if s.lock != nil {
		failed = append(failed, s.lock.Close()) // gives the lock back
		s.lock = nil
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("close store %s: %w", s.path, err)
	}
	return nil
}

// inTx runs f in one write transaction, flushed to the disk before it returns,
// and tells the watchers.
func (s *Store) inTx(ctx context.Context, operation string, f func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.failure(operation, err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := f(tx); err != nil {
		return s.failure(operation, err)
	}
	if err := tx.Commit(); err != nil {
		return s.failure(operation, err)
	}
	s.watchers.signal()
	return nil
}

// Baseline returns the version of service that was promoted last, "" when none
// was.
func (s *Store) Baseline(ctx context.Context, service string) (string, error) {
	var name string
	err := s.read.QueryRowContext(ctx, `SELECT baseline FROM services WHERE name = $1`, service).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return name, s.failure("read the baseline", err)
}

// SaveJudge keeps the checkpoint of a rollout's judge in place of the one before.
func (s *Store) SaveJudge(ctx context.Context, rollout string, state []byte) error {
	_, err := s.write.ExecContext(ctx, `
		INSERT INTO judges (rollout, state) VALUES ($1, $2)
		ON CONFLICT (rollout) DO UPDATE SET state = excluded.state`, rollout, string(state))
	return s.failure("keep the judge's checkpoint", err)
}

// Judge returns the last checkpoint of a rollout's judge, nil when there is none.
func (s *Store) Judge(ctx context.Context, rollout string) ([]byte, error) {
	var state []byte
	err := s.read.QueryRowContext(ctx, `SELECT state FROM judges WHERE rollout = $1`, rollout).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return state, s.failure("read the judge's checkpoint", err)
}
