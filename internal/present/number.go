package present

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger"
)

// Unknown stands where there is no number.
const Unknown = "–"

// Share writes a share of 0 to 1 in percent, finer where it is small.
func Share(x float64) string {
	p := 100 * x
	switch {
	case math.IsNaN(p) || math.IsInf(p, 0):
		return Unknown
	case p == 0 || p == 100:
		return fmt.Sprintf("%.0f%%", p)
	case p >= 99.95:
		return fmt.Sprintf("%.2f%%", math.Floor(100*p)/100) // not quite everybody must not read as everybody
	case p >= 1:
		return fmt.Sprintf("%.1f%%", p)
	case p >= 0.01:
		return fmt.Sprintf("%.2f%%", p)
	}
	return fmt.Sprintf("%.1g%%", p)
}

// Chance writes a level somebody chose, 0.01 as "1%". What may happen all the
// time is counted: "once".
func Chance(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return Unknown
	}
	if x == 1 {
		return "once"
	}
	return strconv.FormatFloat(100*x, 'g', 3, 64) + "%"
}

// Latency writes seconds with about three digits; zero is Unknown.
func Latency(seconds float64) string {
	switch {
	case math.IsNaN(seconds) || math.IsInf(seconds, 0) || seconds <= 0:
		return Unknown
	case seconds < 0.9995e-3:
		return fmt.Sprintf("%.0fµs", seconds*1e6)
	case seconds < 9.995e-3:
		return fmt.Sprintf("%.2fms", seconds*1e3)
	case seconds < 99.95e-3:
		return fmt.Sprintf("%.1fms", seconds*1e3)
	case seconds < 0.9995:
		return fmt.Sprintf("%.0fms", seconds*1e3)
	}
	return fmt.Sprintf("%.2fs", seconds)
}

// Rate writes requests per second, without the unit.
func Rate(r float64) string {
	switch {
	case math.IsNaN(r) || math.IsInf(r, 0) || r < 0:
		return Unknown
	case r < 99.95:
		return fmt.Sprintf("%.1f", r)
	case r < 99_950:
		return Count(uint64(math.Round(r)))
	}
	return fmt.Sprintf("%.0fk", r/1000)
}

// Ratio writes candidate over baseline; zero is Unknown.
func Ratio(x float64) string {
	switch {
	case math.IsNaN(x) || x <= 0:
		return Unknown
	case math.IsInf(x, 0) || x >= 9995:
		return "×∞"
	case x >= 99.5:
		return fmt.Sprintf("×%.0f", x)
	case x >= 9.95:
		return fmt.Sprintf("×%.1f", x)
	case x >= 0.01:
		return fmt.Sprintf("×%.2f", x)
	}
	return fmt.Sprintf("×%.1g", x)
}

// Interval writes the bounds of a finding; a High of zero is unbounded.
func Interval(f stagger.Finding) string {
	if f.Low <= 0 && f.High <= 0 {
		return Unknown
	}
	low, high := "×0", "×∞"
	if f.Low > 0 {
		low = Ratio(f.Low)
	}
	if f.High > 0 {
		high = Ratio(f.High)
	}
	return low + " to " + high
}

// Level writes what a finding measured on one version.
func Level(s stagger.Signal, x float64) string {
	switch s {
	case stagger.SignalLatency:
		return Latency(x)
	case stagger.SignalCount, stagger.SignalGauge, stagger.SignalSaturation:
		return Plain(x)
	case stagger.SignalErrors, stagger.SignalGoodput, stagger.SignalRetries, stagger.SignalShadow:
	}
	return Share(x)
}

// Plain writes a number whose unit is its owner's, with three digits.
func Plain(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return Unknown
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// Count writes a whole number with thousands apart.
func Count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Moment writes after how many seconds something comes; 0 is never, Unknown.
func Moment(seconds float64) string {
	if !(seconds > 0) {
		return Unknown
	}
	return Span(time.Duration(seconds * float64(time.Second)))
}

// Span writes a duration as people do, in its two largest units.
func Span(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	switch {
	case d == 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return strconv.FormatFloat(math.Floor(d.Seconds()*10)/10, 'f', -1, 64) + "s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return two(int(d.Minutes()), "m", int(d.Seconds())%60, "s")
	case d < 24*time.Hour:
		return two(int(d.Hours()), "h", int(d.Minutes())%60, "m")
	}
	return two(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

func two(a int, unit string, b int, smaller string) string {
	if b == 0 {
		return fmt.Sprintf("%d%s", a, unit)
	}
	return fmt.Sprintf("%d%s %d%s", a, unit, b, smaller)
}

// Ago writes how long before now t was.
func Ago(t, now time.Time) string {
	if now.Sub(t) < time.Second {
		return "just now"
	}
	return Span(now.Sub(t).Truncate(time.Second)) + " ago"
}
