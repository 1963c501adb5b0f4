package limiter

import "github.com/stagger-dev/stagger"

// Priority is who is let in first. The order counts.
type Priority uint8

// The priorities.
const (
	Critical Priority = iota
	Normal
	Low
	Priorities = iota // how many there are
)

// names are the priorities as people write them.
var names = [Priorities]stagger.Priority{stagger.PriorityCritical, stagger.PriorityNormal, stagger.PriorityLow}

// ParsePriority returns the priority of a name, Normal for any other text; it
// is not ok then.
func ParsePriority(name string) (p Priority, ok bool) {
	for i, n := range names {
		if string(n) == name {
			return Priority(i), true
		}
	}
	return Normal, false
}

// String returns the name.
func (p Priority) String() string { return string(names[p]) }

// Room returns how many requests may be under way for one more of a priority to
// be let in: all of the limit for the critical, nine tenths for the normal and
// seven for the low. So the low are refused first, and the critical find room
// when all the others are. It is never less than one.
func Room(limit int, p Priority) int {
	tenths := [Priorities]int{10, 9, 7}[p]
	return max(limit*tenths/10, 1)
}
