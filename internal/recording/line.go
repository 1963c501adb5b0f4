package recording

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagger-dev/stagger"
)

// The bounds of a line.
const (
	// MaxLine is how many bytes a line may have.
	MaxLine = 1 << 20
	// MaxCount is the most of anything that one line counts.
	MaxCount   = 100_000_000
	maxBuckets = 10_000
	maxMetrics = 100
	maxName    = 200
)

// The intervals that may be said, and the times at which they may begin.
const (
	leastLength = time.Millisecond
	mostLength  = 24 * time.Hour
	firstYear   = 2000
	lastYear    = 2200
)

// The two sides of every comparison.
const (
	baseline = iota
	candidate
	sides
)

// allRoutes is the route of lines that name none.
const allRoutes = "all"

// Names are those of the two versions in a recording.
type Names struct {
	Baseline, Candidate string
}

// Line is what one version did in one interval on one route, or one of its hosts
// did.
type Line struct {
	At         time.Time
	Length     time.Duration // 0: not said
	Version    string        // empty: not said
	Route      string
	Started    uint64
	Failed     uint64
	Unfinished uint64
	Latency    stagger.Histogram
	Timed      bool // a latency is there
	Gauges     map[string]float64
	Counts     map[string]uint64
	Proxy      string   // that counted; empty where all share a split
	Host       string   // whose part the line is; empty: of all
	Arrived    uint64   // subjects never seen before
	Share      *float64 // of the subjects, that the candidate should get; nil: not said

	side   int
	number int // of the line, from 1
	column int // of its time
}

// field reads one field of a line.
type field func(c *cursor, l *Line, path string)

// order lists the fields as problems name them.
var order = []string{
	"at", "version", "route", "started", "failed", "unfinished", "seconds", "latency", "latency_seconds", "gauges", "counts",
	"host", "proxy", "arrived", "share",
}

var fields = map[string]field{
	"at":              func(c *cursor, l *Line, path string) { l.At, l.column = c.time(path) },
	"version":         func(c *cursor, l *Line, path string) { l.Version = c.name(path) },
	"route":           func(c *cursor, l *Line, path string) { l.Route = c.name(path) },
	"started":         func(c *cursor, l *Line, path string) { l.Started = c.count(path) },
	"failed":          func(c *cursor, l *Line, path string) { l.Failed = c.count(path) },
	"unfinished":      func(c *cursor, l *Line, path string) { l.Unfinished = c.count(path) },
	"seconds":         func(c *cursor, l *Line, path string) { l.Length = c.length(path) },
	"latency":         func(c *cursor, l *Line, path string) { l.Latency, l.Timed = c.histogram(path), true },
	"latency_seconds": func(c *cursor, l *Line, path string) { l.Latency, l.Timed = c.durations(path), true },
	"gauges":          func(c *cursor, l *Line, path string) { l.Gauges = c.gauges(path) },
	"counts":          func(c *cursor, l *Line, path string) { l.Counts = c.counts(path) },
	"host":            func(c *cursor, l *Line, path string) { l.Host = c.name(path) },
	"proxy":           func(c *cursor, l *Line, path string) { l.Proxy = c.name(path) },
	"arrived":         func(c *cursor, l *Line, path string) { l.Arrived = c.count(path) },
	"share":           func(c *cursor, l *Line, path string) { l.Share = c.share(path) },
}

// needed are the fields that have no default: without a count of failures
// nobody knows that there were none.
var needed = []string{"at", "started", "failed"}

// parse reads one line, its number counted from 1.
func parse(file string, number int, text []byte) (Line, *Problem) {
	c := &cursor{file: file, line: number, text: text}
	l := Line{Route: allRoutes, number: number}
	switch {
	case len(text) > MaxLine:
		c.fail(0, "", "the line has %d bytes; write at most %d", len(text), MaxLine)
	case !utf8.Valid(text):
		c.fail(0, "", "the line is not UTF-8 text; write it as UTF-8")
	}
	starts := make(map[string]int, len(order))
	c.object("", func(key string, offset int) {
		read, known := fields[key]
		if !known {
			c.fail(offset, "", "unknown field %q; write one of %s", cut(key), strings.Join(order, ", "))
			return
		}
		c.next()
		starts[key] = c.at
		read(c, &l, key)
	})
	if c.ok() && c.next() != 0 {
		c.fail(c.at, "", "%s after the object; write one object a line", c.what())
	}
	c.complete(starts)
	c.consistent(l, starts)
	return l, c.problem
}

// complete finds what is missing.
func (c *cursor) complete(starts map[string]int) {
	for _, name := range needed {
		if _, there := starts[name]; !there {
			c.fail(0, "", "%s is missing; write %q:...", name, name)
		}
	}
	_, histogram := starts["latency"]
	if second, list := starts["latency_seconds"]; histogram && list {
		c.fail(second, "latency_seconds", "there is a latency already; keep one of the two")
	}
}

// consistent finds counts that cannot be true together.
func (c *cursor) consistent(l Line, starts map[string]int) {
	switch {
	case !c.ok():
		return
	case l.Failed > l.Started:
		c.fail(starts["failed"], "failed", "%d failed of %d started; write how many of the started ones failed", l.Failed, l.Started)
	case l.Unfinished > l.Started-l.Failed:
		c.fail(starts["unfinished"], "unfinished", "%d unfinished and %d failed of %d started; write each request once, those without an answer as unfinished",
			l.Unfinished, l.Failed, l.Started)
	}
	if l.Arrived > l.Started {
		c.fail(starts["arrived"], "arrived", "%d subjects arrived with %d requests; write how many of those who sent them were never seen before", l.Arrived, l.Started)
	}
	if finished := l.Started - l.Unfinished; l.Timed && l.Latency.Count() != finished {
		name := "latency"
		if _, list := starts["latency_seconds"]; list {
			name = "latency_seconds"
		}
		c.fail(starts[name], name, "it has %d durations, but %d requests finished; write one for each, or leave %s out",
			l.Latency.Count(), finished, name)
	}
}

// time reads a time and the column it stands in.
func (c *cursor) time(path string) (at time.Time, column int) {
	c.next()
	start := c.at
	column = utf8.RuneCount(c.text[:start]) + 1
	s := c.string(path)
	at, err := time.Parse(time.RFC3339Nano, s)
	switch {
	case err != nil:
		c.fail(start, path, "%q is not a time; write one as in 2026-01-02T03:04:05Z", cut(s))
	case at.Year() < firstYear || at.Year() > lastYear:
		c.fail(start, path, "the year %d is not one that is read; write %d to %d", at.Year(), firstYear, lastYear)
	}
	return at.UTC(), column
}

// name reads a short text.
func (c *cursor) name(path string) string {
	c.next()
	start := c.at
	s := c.string(path)
	switch {
	case s == "":
		c.fail(start, path, "the name is empty; write one")
	case len(s) > maxName:
		c.fail(start, path, "the name has %d bytes; write at most %d", len(s), maxName)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		c.fail(start, path, "the name has control characters; remove them")
	}
	return s
}

// count reads a whole number from 0 to MaxCount.
func (c *cursor) count(path string) uint64 {
	text, start, ok := c.number(path, "a whole number from 0 on")
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case strings.HasPrefix(text, "-"):
		c.fail(start, path, "%s is less than nothing, as the difference of counters that went backwards is; write what this interval alone counted", cut(text))
	case err != nil && strings.ContainsAny(text, ".eE"):
		c.fail(start, path, "%s is not written as a whole number; write digits only", cut(text))
	case err != nil || n > MaxCount:
		c.fail(start, path, "%s is more than one line may count; write at most %d", cut(text), MaxCount)
	}
	return n
}

// quantity reads a finite number.
func (c *cursor) quantity(path, write string) (v float64, start int) {
	text, start, ok := c.number(path, write)
	if !ok {
		return 0, start
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		c.fail(start, path, "%s is out of range; write %s", cut(text), write)
		return 0, start
	}
	return v, start
}

// length reads how long an interval is.
func (c *cursor) length(path string) time.Duration {
	v, start := c.quantity(path, "the length of the interval in seconds")
	if least, most := leastLength.Seconds(), mostLength.Seconds(); c.ok() && !(v >= least && v <= most) {
		c.fail(start, path, "%g s is no interval that is judged; write %g to %g", v, least, most)
		return 0
	}
	return time.Duration(math.Round(v * float64(time.Second)))
}

// share reads a part of all subjects.
func (c *cursor) share(path string) *float64 {
	v, start := c.quantity(path, "the share of subjects that the candidate should get, from 0 to 1")
	if c.ok() && !(v >= 0 && v <= 1) {
		c.fail(start, path, "%g is no share; write the part of subjects that the candidate should get, from 0 to 1", v)
	}
	return &v
}

// gauges reads measured levels by name.
func (c *cursor) gauges(path string) map[string]float64 {
	out := make(map[string]float64)
	c.named(path, "gauge", func(name, below string) { out[name], _ = c.quantity(below, "a number") })
	return out
}

// counts reads how often things happened, by name.
func (c *cursor) counts(path string) map[string]uint64 {
	out := make(map[string]uint64)
	c.named(path, "count", func(name, below string) { out[name] = c.count(below) })
	return out
}

// named reads an object of some metrics, whatever they are called.
func (c *cursor) named(path, what string, read func(name, path string)) {
	n := 0
	c.object(path, func(key string, offset int) {
		switch n++; {
		case key == "" || len(key) > maxName:
			c.fail(offset, path, "a %s needs a name of 1 to %d bytes; write one", what, maxName)
		case n > maxMetrics:
			c.fail(offset, path, "there are more than %d %ss; write fewer", maxMetrics, what)
		default:
			read(key, join(path, key))
		}
	})
}
