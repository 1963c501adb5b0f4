package store

import (
	"context"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the tables to what this program knows. A store written by a
// newer program is refused rather than guessed at.
func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return s.failure("migrate", err)
	}
	steps, err := goose.NewProvider(goose.DialectSQLite3, s.write, files,
		goose.WithDisableGlobalRegistry(true), goose.WithTableName("schema_versions"))
	if err != nil {
		return s.failure("migrate", err)
	}
	current, known, err := steps.GetVersions(ctx)
	if err != nil {
		return s.failure("migrate", err)
	}
	if current > known {
		return conflict("store %s was written by a newer Stagger (schema %d, this one knows %d); use that version", s.path, current, known)
	}
	_, err = steps.Up(ctx)
	return s.failure("migrate", err)
}
