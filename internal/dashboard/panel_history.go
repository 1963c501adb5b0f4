package dashboard

import "github.com/stagger-dev/stagger"

// historyTold is how many events the panel tells of, newest first; the history
// has a page of its own.
const historyTold = 40

// historyPanel is the changelog: what happened last and why.
type historyPanel struct {
	Events []stagger.Event
	Older  bool // there are
}

func (s *scene) history() any {
	return historyPanel{Events: s.Events[:min(len(s.Events), historyTold)], Older: s.Cut || len(s.Events) > historyTold}
}
