package store

import "sync"

// watchers are told that something changed, not what.
type watchers struct {
	mu  sync.Mutex
	all map[chan struct{}]struct{}
}

// Watch returns a channel that receives after every change, changes of
// progress included. Signals that are not received in time merge into one, so
// a receiver reads what it needs anew each time. Call cancel when done.
func (s *Store) Watch() (changed <-chan struct{}, cancel func()) {
	return s.watchers.add()
}

func (w *watchers) add() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[chan struct{}]struct{})
	}
	w.all[c] = struct{}{}
	return c, func() { w.remove(c) }
}

func (w *watchers) remove(c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, c)
}

func (w *watchers) signal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all {
		select {
		case c <- struct{}{}:
		default: // one is waiting already
		}
	}
}
