package mirror

import (
	"context"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// Source is where ticks come from.
type Source interface {
	// Ticks returns what was sealed of service with To after the given time,
	// oldest first.
	Ticks(ctx context.Context, service string, after time.Time) ([]stagger.Tick, error)
}

// Source returns the ticks of another one with what was found in them. The same
// tick always gets the same.
func (m *Mirror) Source(of Source) *Compared { return &Compared{inner: of, mirror: m} }

// Compared are ticks that also tell what comparing answers found.
type Compared struct {
	inner  Source
	mirror *Mirror
}

// Ticks returns the ticks of the inner source, what was found added to the first
// observation of the candidate in the tick that holds the time it was found.
func (c *Compared) Ticks(ctx context.Context, service string, after time.Time) ([]stagger.Tick, error) {
	ticks, err := c.inner.Ticks(ctx, service, after)
	trials := c.mirror.of(service)
	if err != nil || len(ticks) == 0 || len(trials) == 0 {
		return ticks, err
	}
	ticks = slices.Clone(ticks)
	for i := range ticks {
		for _, t := range trials {
			t.tell(&ticks[i])
		}
	}
	return ticks, nil
}

// tell adds to a tick what was found in it. The tick's own list is shared and
// stays as it is.
func (t *Trial) tell(tick *stagger.Tick) {
	found := t.between(tick.From, tick.To)
	i := slices.IndexFunc(tick.Observations, func(o stagger.Observation) bool { return o.Version == t.candidate })
	if found == (stagger.Shadowed{}) || i < 0 {
		return
	}
	tick.Observations = slices.Clone(tick.Observations)
	if before := tick.Observations[i].Shadow; before != nil {
		found = found.Plus(*before)
	}
	tick.Observations[i].Shadow = &found
}

// InFlight returns how many requests of a version are in flight, 0 if the inner
// source does not know.
func (c *Compared) InFlight(service, version string) int64 {
	inner, ok := c.inner.(interface {
		InFlight(service, version string) int64
	})
	if !ok {
		return 0
	}
	return inner.InFlight(service, version)
}
