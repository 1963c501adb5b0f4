package store

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/stagger-dev/stagger"
)

func refusal(code stagger.Code, format string, args ...any) error {
	return &stagger.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return refusal(stagger.CodeInvalid, format, args...) }

func denied(format string, args ...any) error { return refusal(stagger.CodeDenied, format, args...) }

func missing(format string, args ...any) error {
	return refusal(stagger.CodeNotFound, format, args...)
}

func conflict(format string, args ...any) error {
	return refusal(stagger.CodeConflict, format, args...)
}

func unavailable(format string, args ...any) error {
	return refusal(stagger.CodeUnavailable, format, args...)
}

func internal(format string, args ...any) error {
	return refusal(stagger.CodeInternal, format, args...)
}

// damaged says that the file does not hold what it should.
func (s *Store) damaged(cause error) error {
	return internal("store %s is damaged or is no Stagger store; move it aside, keep it, and restore a backup or start with an empty store (%v)", s.path, cause)
}

// failure turns what the database says into what a person can act on. It
// leaves nil, context errors and errors that already have a code as they are.
func (s *Store) failure(operation string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*stagger.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", operation, err)
	}
	broken, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return internal("store %s: %s: %v", s.path, operation, err)
	}
	switch broken.Code() & 0xff { // the rest tells variants apart
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return unavailable("store %s is locked by another program, a database shell or a backup; end it and try again; nothing was recorded (%s)", s.path, operation)
	case sqlite3.SQLITE_FULL:
		return unavailable("store %s: no room left to %s; free disk space and try again; what was recorded before is kept", s.path, operation)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return denied("store %s cannot be written; give this user write access to it and its directory (%s: %v)", s.path, operation, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return s.damaged(err)
	case sqlite3.SQLITE_IOERR:
		return unavailable("store %s: the disk failed to %s; what was recorded before is kept (%v)", s.path, operation, err)
	case sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%s: %w", operation, context.Canceled)
	default:
		return internal("store %s: %s: %v", s.path, operation, err)
	}
}
