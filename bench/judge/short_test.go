package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stagger-dev/stagger/internal/simulate"
)

// scale is by how much fewer lives are lived.
var scale = 1

// shorter is a cell of the long form with a shorter life, which the judge knows
// of: all its readiness to alarm is spent within it.
func shorter(t *testing.T, c cell, length time.Duration) simulate.Trial {
	t.Helper()
	c.length = length
	tr, err := c.trial()
	if err != nil {
		t.Fatal(err)
	}
	if tr.Model.Truth == simulate.TruthAlike {
		tr.Planned = length
	}
	return tr
}

func measured(t *testing.T, tr simulate.Trial, runs int) simulate.Measured {
	t.Helper()
	m, err := tr.Run(t.Context(), max(runs/scale, 5), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// unlikely says whether so many alarms would come about less than once in a
// thousand times if their chance were the level.
func unlikely(m simulate.Measure, level float64) bool {
	return simulate.AtMost(m.Seen-1, m.Runs, level) > 0.999
}

// TestIdenticalVersionsDoNotAlarm is the null table in short: a lost guarantee
// shows as more alarms than chance allows.
func TestIdenticalVersionsDoNotAlarm(t *testing.T) {
	var held, rolled simulate.Measure
	for _, i := range []int{1, 3, 5} {
		c := nullCells()[i]
		t.Run(fmt.Sprintf("%g x %g", c.rate, c.share), func(t *testing.T) {
			m := measured(t, shorter(t, c, 8*time.Minute), 200)
			t.Logf("%d lives: %d suspected, %d rolled back", m.Runs, m.Suspect.Seen, m.Rollback.Seen)
			held.Runs, held.Seen = held.Runs+m.Runs, held.Seen+m.Suspect.Seen
			rolled.Runs, rolled.Seen = rolled.Runs+m.Runs, rolled.Seen+m.Rollback.Seen
		})
	}
	if unlikely(held, 0.05) {
		t.Errorf("%d of %d lives were suspected, more than chance makes of 5%%", held.Seen, held.Runs)
	}
	if unlikely(rolled, 0.01) {
		t.Errorf("%d of %d lives were rolled back, more than chance makes of 1%%", rolled.Seen, rolled.Runs)
	}
}

// TestTheBoundCanFail tries the bound on what it must refuse.
func TestTheBoundCanFail(t *testing.T) {
	for _, row := range []struct {
		seen, runs int
		level      float64
		want       bool
	}{
		{0, 600, 0.01, false}, {12, 600, 0.01, false}, {16, 600, 0.01, true}, {30, 600, 0.05, false}, {60, 600, 0.05, true}, {15, 15, 0.05, true},
	} {
		if got := unlikely(simulate.Measure{Seen: row.seen, Runs: row.runs}, row.level); got != row.want {
			t.Errorf("%d of %d at %g: %t", row.seen, row.runs, row.level, got)
		}
	}
}

// TestDelaysAreThoseOfTheDesign holds a few cells of the delay tables to one and
// a half times what the design measured.
func TestDelaysAreThoseOfTheDesign(t *testing.T) {
	for _, want := range []struct {
		model string
		rate  float64
		share float64
	}{
		{"errors=1%", 1000, 0.05}, {"errors=50%", 100, 0.05}, {"p99=50%", 1000, 0.05}, {"p50=10%", 1000, 0.25}, {"late", 1000, 0.05},
	} {
		t.Run(want.model, func(t *testing.T) {
			cells := slices.Concat(delayCells(), lateCells())
			i := slices.IndexFunc(cells, func(c cell) bool {
				return c.model == want.model && c.rate == want.rate && c.share == want.share
			})
			c := cells[i]
			m := measured(t, shorter(t, c, 45*time.Minute), 40)
			t.Logf("suspected after %v (%g s), rolled back after %v (%g s)", m.Suspect.Median, c.want.suspect, m.Rollback.Median, c.want.rollback)
			if got := m.Suspect.Median; got == simulate.Never || got.Seconds() > max(1.5*c.want.suspect, 2) {
				t.Errorf("suspected after %v, want %g s", got, c.want.suspect)
			}
			if got := m.Rollback.Median; got == simulate.Never || got.Seconds() > 1.5*c.want.rollback {
				t.Errorf("rolled back after %v, want %g s", got, c.want.rollback)
			}
		})
	}
}

func TestABlipHoldsAndABurstRollsBack(t *testing.T) {
	for _, c := range blipCells() {
		t.Run(c.model, func(t *testing.T) {
			m := measured(t, shorter(t, c, 8*time.Minute), 30)
			t.Logf("%d lives: %d held, %d rolled back after %v", m.Runs, m.Suspect.Seen, m.Rollback.Seen, m.Rollback.Median)
			if m.Suspect.Seen < m.Runs {
				t.Errorf("only %d of %d lives were held", m.Suspect.Seen, m.Runs)
			}
			switch {
			case c.model == "blip" && m.Rollback.Seen > 0:
				t.Errorf("%d of %d lives were rolled back for five seconds", m.Rollback.Seen, m.Runs)
			case c.model == "burst" && m.Rollback.Seen < m.Runs:
				t.Errorf("only %d of %d lives were rolled back", m.Rollback.Seen, m.Runs)
			}
		})
	}
}
