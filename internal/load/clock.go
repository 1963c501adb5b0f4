package load

import (
	"context"
	"time"
)

// clock waits for moments. The timers of Go are late by up to a millisecond in
// a process that is idle otherwise, as they share the resolution of its wait for
// the network; an alarm is not, where the system has one.
type clock struct {
	alarm *alarm // nil for none
}

// newClock returns a clock that is exact if it can be.
func newClock(exact bool) *clock {
	if !exact {
		return &clock{}
	}
	return &clock{alarm: newAlarm()}
}

func (c *clock) close() {
	if c.alarm != nil {
		c.alarm.close()
	}
}

// coarse is how long before a moment the alarm takes over from a timer.
const coarse = 20 * time.Millisecond

// sleepUntil returns at due, at once when due has passed.
func (c *clock) sleepUntil(ctx context.Context, due time.Time) error {
	if time.Until(due) <= 0 {
		return ctx.Err()
	}
	if c.alarm == nil {
		return sleep(ctx, time.Until(due))
	}
	if err := sleep(ctx, time.Until(due)-coarse); err != nil {
		return err
	}
	if wait := time.Until(due); wait > 0 && !c.alarm.wait(wait) {
		return sleep(ctx, time.Until(due))
	}
	return ctx.Err()
}

// sleep is interrupted by ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
