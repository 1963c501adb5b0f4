package live_test

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli/live"
)

// grown is a path of two findings: one proved harmful in the end, the other
// healthy.
func grown() stagger.Path {
	p := stagger.Path{Step: time.Second}
	bad := stagger.PathSlot{Signal: stagger.SignalErrors, Tolerance: 1.5}
	good := stagger.PathSlot{Signal: stagger.SignalLatency, Slot: "p99", Tolerance: 1.05}
	for i := range 90 {
		x := float64(i) / 89
		advice := stagger.AdviseNothing
		if x > 0.5 {
			advice = stagger.AdviseHold
		}
		if x == 1 {
			advice = stagger.AdviseRollback
		}
		p.At, p.Advice = append(p.At, after(float64(i))), append(p.Advice, advice)
		add := func(s *stagger.PathSlot, estimate, spread, suspect, rollback, healthy float64) {
			s.Estimate, s.Low, s.High = append(s.Estimate, estimate), append(s.Low, estimate/spread), append(s.High, estimate*spread)
			s.Suspect, s.Rollback, s.Healthy = append(s.Suspect, suspect), append(s.Rollback, rollback), append(s.Healthy, healthy)
		}
		add(&bad, 1+1.6*x, math.Exp(1.5*(1-x)+0.05), min(2*x, 1), x*x, 0)
		add(&good, 1, math.Exp(0.2*(1-x)+0.01), 0, 0, x)
	}
	bad.High[0], bad.Low[0] = 0, 0 // nothing is known at first
	p.Slots = []stagger.PathSlot{bad, good}
	return p
}

func TestPathPictures(t *testing.T) {
	for _, width := range []int{80, 120} {
		got := live.Path(grown(), live.Plain(), width)
		golden(t, filepath.Join("testdata", fmt.Sprintf("path-%d.txt", width)), got)
		if coloured := ansi.Strip(live.Path(grown(), live.Colour(), width)); coloured != got {
			t.Errorf("colour changes what is drawn:\n%s", coloured)
		}
	}
}

// TestPathFits draws it in every width, and whatever a server sends.
func TestPathFits(t *testing.T) {
	broken := grown()
	broken.Slots[0].Low, broken.Slots[1].Suspect, broken.Advice = broken.Slots[0].Low[:3], nil, append(broken.Advice, broken.Advice...)
	for _, p := range []stagger.Path{grown(), broken, {}, {At: []time.Time{start}}} {
		for width := 40; width < 160; width += 7 {
			for line := range strings.Lines(live.Path(p, live.Colour(), width)) {
				if ansi.StringWidth(strings.TrimSuffix(line, "\n")) > width {
					t.Errorf("%d columns: %q", width, line)
				}
			}
		}
	}
}
