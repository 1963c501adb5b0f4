package dashboard

// history is the changelog, newest first: what happened and why.
func (s *scene) history() any { return s.Events }
