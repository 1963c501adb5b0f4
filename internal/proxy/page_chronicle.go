package proxy

import (
	"slices"
	"sync"
	"time"
)

// status is how users find a route.
type status string

// The states, as the page writes them for machines.
const (
	works       status = "works"
	degraded    status = "degraded"
	unavailable status = "unavailable"
)

// modePartly is the mode of a route that fails some of its users, with nothing
// declared for them.
const modePartly = "partly"

// stateOf is how users find a route that is degraded in a way: a dropped one is
// not there for them.
func stateOf(mode string) status {
	if mode == "dropped" {
		return unavailable
	}
	return degraded
}

// condition is the state of a route with what is in force instead of it.
type condition struct {
	state status
	mode  string    // as in stagger.Degraded, or modePartly; empty where nothing is
	since time.Time // zero where it is found out just now
}

func (c condition) is(d condition) bool { return c.state == d.state && c.mode == d.mode }

// chapter is what is known of one route.
type chapter struct {
	title string
	condition
	changed time.Time // zero: not since it is being looked at
}

// episode is a time in which a route did not work as it should.
type episode struct {
	title string
	condition
	until time.Time
}

// The bounds of what is remembered of episodes that are over.
const (
	maxEpisodes = 50
	pastFor     = 24 * time.Hour
)

// chronicle remembers how the routes of a service were. Time arrives with what
// is noted.
type chronicle struct {
	mu    sync.Mutex
	begun time.Time
	now   []chapter
	past  []episode // the last one to end comes last
}

// note takes in the conditions of routes at a time.
func (c *chronicle) note(now time.Time, titles []string, found []condition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun.IsZero() {
		c.begun = now
	}
	before := c.now
	c.now = make([]chapter, len(titles))
	for i, title := range titles {
		c.now[i] = chapter{title: title, condition: condition{state: works}}
		if k := slices.IndexFunc(before, func(b chapter) bool { return b.title == title }); k >= 0 {
			c.now[i] = before[k]
			before = slices.Delete(before, k, k+1)
		}
		c.turn(&c.now[i], now, found[i])
	}
	for _, gone := range before {
		c.end(gone, now)
	}
	c.forget(now)
}

// turn makes a route's condition another one, if it is.
func (c *chronicle) turn(one *chapter, now time.Time, to condition) {
	if one.is(to) {
		return
	}
	c.end(*one, now)
	one.changed = now
	if to.since.IsZero() {
		to.since = now
	}
	// What comes back at once was not over.
	for k, e := range slices.Backward(c.past) {
		if e.title == one.title && e.is(to) && to.since.Sub(e.until) < calm {
			to.since = e.since
			c.past = slices.Delete(c.past, k, k+1)
			break
		}
	}
	one.condition = to
}

// end keeps what is over, unless all was well.
func (c *chronicle) end(one chapter, now time.Time) {
	if one.state != works {
		c.past = append(c.past, episode{one.title, one.condition, now})
	}
}

// forget drops what is too old or too much.
func (c *chronicle) forget(now time.Time) {
	c.past = slices.DeleteFunc(c.past, func(e episode) bool { return now.Sub(e.until) > pastFor })
	c.past = slices.Delete(c.past, 0, max(len(c.past)-maxEpisodes, 0))
}

// read returns what is known, the last episode to end first.
func (c *chronicle) read() (begun time.Time, now []chapter, past []episode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	past = slices.Clone(c.past)
	slices.Reverse(past)
	return c.begun, slices.Clone(c.now), past
}
