package demo

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/controller"
)

// outage is a source that can go dark: what is sealed while it is dark is lost.
type outage struct {
	controller.Source
	dark  atomic.Int64 // when it went dark, Unix nanoseconds; 0 while it is not
	light atomic.Int64 // when it came back
}

func (o *outage) begin(now time.Time) { o.light.Store(0); o.dark.Store(now.UnixNano()) }
func (o *outage) end(now time.Time)   { o.light.Store(now.UnixNano()) }

// Ticks returns what is sealed, without what was lost.
func (o *outage) Ticks(ctx context.Context, service string, after time.Time) ([]stagger.Tick, error) {
	ticks, err := o.Source.Ticks(ctx, service, after)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(ticks), o.lost), nil
}

// InFlight returns how many requests of a version are in flight, which the
// progress of a rollout tells.
func (o *outage) InFlight(service, version string) int64 {
	source, ok := o.Source.(interface {
		InFlight(service, version string) int64
	})
	if !ok {
		return 0
	}
	return source.InFlight(service, version)
}

func (o *outage) lost(t stagger.Tick) bool {
	dark, light, at := o.dark.Load(), o.light.Load(), t.To.UnixNano()
	return dark != 0 && at > dark && (light == 0 || at <= light)
}
