package proxy

import (
	"strconv"
	"time"

	"github.com/stagger-dev/stagger/internal/cohort"
)

// deadline is until when a client waits. The zero value is for ever.
type deadline struct {
	at   time.Time
	form form
}

// form is how a client told it, and the upstream is told.
type form uint8

const (
	milliseconds form = iota // 1500
	withUnit                 // 1500ms
	grpcTimeout              // 1500m, in a field of its own
)

// grpcField holds the time that a gRPC client gives.
const grpcField = "Grpc-Timeout"

// mostGiven bounds what a client may give; more is for ever.
const mostGiven = 24 * time.Hour

// deadlineOf reads the deadline of a request. What cannot be read is none.
func (s *shield) deadlineOf(a cohort.Attributes, now time.Time) deadline {
	if s.deadline == "" {
		return deadline{}
	}
	if text := a.Header(grpcField); text != "" {
		if given, ok := parseGRPC(text); ok {
			return deadline{now.Add(given), grpcTimeout}
		}
	}
	text := a.Header(s.deadline)
	if text == "" {
		return deadline{}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if n > int64(mostGiven/time.Millisecond) {
			return deadline{}
		}
		return deadline{now.Add(time.Duration(max(n, 0)) * time.Millisecond), milliseconds}
	}
	if given, err := time.ParseDuration(text); err == nil && given <= mostGiven {
		return deadline{now.Add(max(given, 0)), withUnit}
	}
	return deadline{}
}

// parseGRPC reads a grpc-timeout: up to eight digits and a unit.
func parseGRPC(text string) (time.Duration, bool) {
	unit, ok := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second,
		'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 32)
	if !ok || err != nil || len(text) > 9 || n > uint64(mostGiven/unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// over says whether nobody waits any more.
func (d deadline) over(now time.Time) bool { return !d.at.IsZero() && !now.Before(d.at) }

// left is what the upstream is told: never more than is left, and never nothing.
func (d deadline) left(now time.Time) string {
	n := strconv.FormatInt(max(int64(d.at.Sub(now)/time.Millisecond), 1), 10)
	switch d.form {
	case withUnit:
		n += "ms"
	case grpcTimeout:
		n += "m"
	case milliseconds:
	}
	return n
}

// field is the name of the field that tells it.
func (c *care) deadlineField() string {
	if c.deadline.form == grpcTimeout {
		return grpcField
	}
	return c.traffic.shield.deadline
}
