package store

import "context"

// Link makes the chain's hash known to tests.
var Link = link

// Exec runs a statement on the connection that writes.
func (s *Store) Exec(ctx context.Context, statement string) error {
	_, err := s.write.ExecContext(ctx, statement)
	return err
}
