//go:build !linux

package load

import "time"

// alarm is not to be had here.
type alarm struct{}

func newAlarm() *alarm { return nil }

func (*alarm) close() {}

func (*alarm) wait(time.Duration) bool { return false }
