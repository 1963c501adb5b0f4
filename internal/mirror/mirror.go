package mirror

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
)

// maxTrials is how many rollouts' differences are kept.
const maxTrials = 8

// Mirror carries the copies of all services. It is safe for concurrent use.
type Mirror struct {
	options Options
	metrics *metrics
	held    atomic.Int64 // bytes
	queue   chan *Copy
	working sync.WaitGroup
	ctx     context.Context //nolint:containedctx // the life of the workers
	stop    context.CancelFunc
	// comparing is held by the worker that compares: that takes memory for a
	// moment, and no more of a machine than one core.
	comparing sync.Mutex

	mu     sync.Mutex // guards trials
	trials []*Trial   // the oldest first
}

// New returns a Mirror that sends nothing until it is started.
func New(o Options) *Mirror {
	o = o.withDefaults()
	m := &Mirror{options: o, queue: make(chan *Copy, o.Queue)}
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.metrics = newMetrics(m)
	return m
}

// Busy is beyond how many requests of users per endpoint of the baseline nothing
// is mirrored.
func (m *Mirror) Busy() int64 { return m.options.Busy }

// Start begins to send.
func (m *Mirror) Start() {
	for range m.options.Workers {
		m.working.Go(m.work)
	}
}

// Stop ends for good. Copies under way are cut off.
func (m *Mirror) Stop(context.Context) error {
	m.stop()
	m.working.Wait()
	for {
		select {
		case c := <-m.queue:
			c.Drop(Ended)
		default:
			return nil
		}
	}
}

func (m *Mirror) work() {
	for {
		select {
		case <-m.ctx.Done():
			return
		case c := <-m.queue:
			c.carry()
		}
	}
}

// take holds n bytes more; it is false when that would be too many.
func (m *Mirror) take(n int64) bool {
	if m.held.Add(n) <= m.options.Bytes {
		return true
	}
	m.held.Add(-n)
	return false
}

// Trial returns that of the rollout of a split that mirrors, open.
func (m *Mirror) Trial(split stagger.Split) *Trial {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.trials, func(t *Trial) bool { return t.rollout == split.Rollout && t.service == split.Service })
	if i >= 0 {
		m.trials[i].follow(split)
		return m.trials[i]
	}
	if len(m.trials) == maxTrials {
		m.trials[0].Close()
		m.trials = slices.Delete(m.trials, 0, 1)
	}
	t := newTrial(m, split, time.Now())
	m.trials = append(m.trials, t)
	return t
}

// Differences returns what was found in a rollout; it is not ok when nothing of
// it was mirrored since the process started, or it was long ago.
func (m *Mirror) Differences(rollout string) (d stagger.Differences, ok bool) {
	m.mu.Lock()
	i := slices.IndexFunc(m.trials, func(t *Trial) bool { return t.rollout == rollout })
	if i < 0 {
		m.mu.Unlock()
		return d, false
	}
	t := m.trials[i]
	m.mu.Unlock()
	return t.differences(), true
}

// of returns the trials of a service.
func (m *Mirror) of(service string) []*Trial {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []*Trial
	for _, t := range m.trials {
		if t.service == service {
			out = append(out, t)
		}
	}
	return out
}
