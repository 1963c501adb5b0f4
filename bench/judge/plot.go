package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stagger-dev/stagger/internal/simulate"
)

// drawAll draws every plot of a report into a directory.
func drawAll(r report, dir string) error {
	for name, draw := range map[string]func(report) (string, error){
		"false-alarms.svg": drawAlarms, "delay.svg": drawDelays, "evidence.svg": drawPaths,
	} {
		picture, err := draw(r)
		if err != nil {
			return fmt.Errorf("draw %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(picture), 0o644); err != nil { //nolint:gosec // pictures are for everybody to see
			return fmt.Errorf("draw %s: %w", name, err)
		}
	}
	return nil
}

// strip is a line of the plot of false alarms: a dot for each load or model.
type strip struct {
	name         string
	class        string
	plain, harsh []mark // healthy loads, and difficult traffic
}

// mark is one dot.
type mark struct {
	share float64
	told  string
}

// strips gathers the shares of alarms, ours first.
func strips(r report) []strip {
	held, rolled := strip{name: "Stagger: held", class: "a"}, strip{name: "Stagger: rolled back", class: "a"}
	if apart(r.Rows) {
		held.name = "Stagger: suspected"
	}
	var others []strip
	for _, row := range r.Rows {
		switch row.Section {
		case sectionNull, sectionRobust:
			if row.Model == "odds=1.5" {
				continue
			}
			held.take(row, row.sum(row.Suspect))
			rolled.take(row, sum(row.Rollback))
		case sectionPeers:
			i := slices.IndexFunc(others, func(s strip) bool { return s.name == row.By })
			if i < 0 {
				i = len(others)
				others = append(others, strip{name: row.By, class: "b"})
			}
			others[i].take(row, sum(row.Rollback))
		}
	}
	return append([]strip{rolled, held}, others...)
}

func (s *strip) take(r row, m simulate.Measure) {
	told := fmt.Sprintf("%s, %s: %s of %d", r.Model, load(r), percent(m.Share()), m.Runs)
	if r.Model == "healthy" {
		s.plain = append(s.plain, mark{m.Share(), told})
	} else {
		s.harsh = append(s.harsh, mark{m.Share(), told})
	}
}

// drawAlarms draws how often each alarms without any harm, when it looks all the
// time.
func drawAlarms(r report) (string, error) {
	all := strips(r)
	if len(all[0].plain) == 0 {
		return "", fmt.Errorf("no section %s", sectionNull)
	}
	const left, right, top, pitch = 396.0, 836.0, 84.0, 27.0
	bottom := top + pitch*float64(len(all))
	c := &canvas{width: 860, height: bottom + 46}
	// The root of the share spreads the small ones, where the promise is.
	x := func(share float64) float64 { return left + (right-left)*math.Sqrt(share) }
	c.text(20, 28, "start", "title", "Healthy hours with an alarm, looking all the time")
	c.point("e full", 26, 50, "")
	c.text(36, 54, "start", "quiet", "100 to 10k requests per second, 1 to 25% candidate")
	c.point("e hollow", 402, 50, "")
	c.text(412, 54, "start", "quiet", "ramp, jump, diurnal, shared incident, skewed split; 1k × 5%")
	for _, share := range []float64{0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1} {
		class := "grid"
		if share == 0.01 {
			class = "limit"
		}
		c.line(class, x(share), top-6, x(share), bottom)
		c.text(x(share), bottom+18, "middle", "quiet", percent(share))
	}
	c.text(x(0.01), bottom+36, "middle", "quiet", "promised")
	for i, s := range all {
		y := top + pitch*(float64(i)+0.5)
		c.text(left-16, y+4, "end", "", s.name)
		for _, m := range s.harsh {
			c.point(s.class+" hollow", x(m.share), y, m.told)
		}
		for _, m := range s.plain {
			c.point(s.class+" full", x(m.share), y, m.told)
		}
	}
	return c.file("False alarms under looking all the time",
		"Share of simulated hours with two identical versions in which each method alarms, by load and kind of traffic. The table in docs/statistics.md has the numbers."), nil
}

// span of the plot of delays, seconds, both axes.
const (
	delayLeast = 0.1
	delayMost  = 4e4
)

// frame is where a plot lies on the canvas.
type frame struct{ left, right, top, bottom float64 }

// x and y place seconds on logarithmic axes.
func (f frame) x(s float64) float64 {
	return f.left + (f.right-f.left)*math.Log(s/delayLeast)/math.Log(delayMost/delayLeast)
}

func (f frame) y(s float64) float64 {
	return f.bottom - (f.bottom-f.top)*math.Log(s)/math.Log(delayMost)
}

// drawDelays draws the median delays over what no test can beat.
func drawDelays(r report) (string, error) {
	c := &canvas{width: 860, height: 560}
	f := frame{left: 92, right: 836, top: 72, bottom: 500}
	c.text(20, 28, "start", "title", "Median delay over the information limit, 63 kinds of harm and traffic")
	delayAxes(c, f)
	seen := 0
	for _, row := range r.Rows {
		if row.Section != sectionDelay || row.Limit == 0 {
			continue
		}
		kind, _, _ := strings.Cut(row.Model, "=")
		class := map[string]string{"errors": "b", "p99": "d", "p50": "c"}[kind]
		for _, one := range []struct {
			form, what string
			raw        []int
		}{{"hollow", "held", row.Suspect}, {"full", "rolled back", row.Rollback}} {
			median := sum(one.raw).Median
			if median == simulate.Never {
				continue
			}
			seen++
			told := fmt.Sprintf("%s at %s: limit %s, %s after %s", row.Model, load(row), spanOf(row.Limit), one.what, span(median))
			c.point(class+" "+one.form, f.x(max(row.Limit, delayLeast)), f.y(max(median.Seconds(), 1)), told)
		}
	}
	if seen == 0 {
		return "", fmt.Errorf("no section %s", sectionDelay)
	}
	for i, entry := range [...][2]string{{"b", "errors"}, {"d", "p99"}, {"c", "p50"}} {
		y := f.top + 26 + 20*float64(i)
		c.point(entry[0]+" full", f.left+24, y-4, "")
		c.point(entry[0]+" hollow", f.left+40, y-4, "")
		c.text(f.left+54, y, "start", "", entry[1]+": rolled back, held")
	}
	return c.file("Delay and the information limit",
		"For each harm and load, the median seconds to hold and to roll back over the seconds that any test needs on average. The table in docs/statistics.md has the numbers."), nil
}

func delayAxes(c *canvas, f frame) {
	for _, s := range []float64{0.1, 1, 10, 60, 600, 3600, 36_000} {
		c.line("grid", f.x(s), f.top, f.x(s), f.bottom)
		c.text(f.x(s), f.bottom+18, "middle", "quiet", brief(s))
		if s >= 1 {
			c.line("grid", f.left, f.y(s), f.right, f.y(s))
			c.text(f.left-8, f.y(s)+4, "end", "quiet", brief(s))
		}
	}
	for _, ratio := range []float64{1, 3} {
		from, to := max(1/ratio, delayLeast), delayMost/ratio
		c.line("limit", f.x(from), f.y(from*ratio), f.x(to), f.y(to*ratio))
		c.text(f.x(22_000/ratio)+9, f.y(22_000)+5, "start", "quiet", fmt.Sprintf("%g ×", ratio))
	}
	c.line("axis", f.left, f.y(10), f.right, f.y(10))
	c.text(f.right-4, f.y(10)+16, "end", "quiet", "a blip of 10 s may pass: no rollback before")
	c.text((f.left+f.right)/2, f.bottom+42, "middle", "quiet", "what no test can beat on average, at one false alarm in a hundred")
	c.upward(24, (f.top+f.bottom)/2, "median delay")
}

// brief writes a time on an axis.
func brief(s float64) string {
	switch {
	case s < 60:
		return fmt.Sprintf("%g s", s)
	case s < 3600:
		return fmt.Sprintf("%g min", s/60)
	default:
		return fmt.Sprintf("%g h", s/3600)
	}
}

// drawPaths draws how the evidence went in a regression and in a blip.
func drawPaths(r report) (string, error) {
	if len(r.Paths) < 2 {
		return "", fmt.Errorf("no evidence paths")
	}
	c := &canvas{width: 860, height: 372}
	c.text(20, 28, "start", "title", "The evidence of one regression, and of one blip")
	c.line("a line", 26, 50, 50, 50)
	c.text(56, 54, "start", "quiet", "for a hold")
	c.line("b line", 146, 50, 170, 50)
	c.text(176, 54, "start", "quiet", "for a rollback, which forgives blips")
	c.area("band", 420, 42, 22, 14)
	c.text(448, 54, "start", "quiet", "held or shed")
	c.area("harm", 548, 42, 22, 14)
	c.text(576, 54, "start", "quiet", "harm")
	drawPath(c, frame{left: 64, right: 416, top: 104, bottom: 312}, r.Paths[0], "1% of requests fail, 0.1% before", len(r.Paths[0].Suspect))
	drawPath(c, frame{left: 484, right: 836, top: 104, bottom: 312}, r.Paths[1], "half of all requests fail for 5 s", 5)
	return c.file("Evidence over time",
		"Left, evidence for a hold and then for a rollback reaches what is needed while one request in a hundred fails. Right, five seconds of failures hold at once, the evidence for a rollback stays at nothing, and the hold is lifted when the candidate has shown itself healthy."), nil
}

// drawPath draws one path; the harm lasts so many seconds from the onset on.
func drawPath(c *canvas, f frame, p path, title string, harm int) {
	seconds := float64(len(p.Suspect))
	x := func(s float64) float64 { return f.left + (f.right-f.left)*(s-float64(p.From))/seconds }
	y := func(e float64) float64 { return f.bottom - (f.bottom-f.top)*e }
	c.text(f.left, f.top-14, "start", "", title)
	c.area("harm", x(0), y(1), x(float64(harm))-x(0), y(0)-y(1))
	for from := 0; from < len(p.Advice); {
		to := from
		for to < len(p.Advice) && (p.Advice[to] == "hold" || p.Advice[to] == "shed") {
			to++
		}
		if to > from {
			c.area("band", x(float64(p.From+from+1)), y(1), x(float64(to-from))-x(0), y(0)-y(1))
		}
		from = to + 1
	}
	for _, e := range []float64{0, 0.5, 1} {
		c.line("grid", f.left, y(e), f.right, y(e))
		c.text(f.left-8, y(e)+4, "end", "quiet", fmt.Sprint(e))
	}
	c.line("limit", f.left, y(1), f.right, y(1))
	every := 15.0
	if seconds > 120 {
		every = 60
	}
	for s := math.Ceil(float64(p.From)/every) * every; s <= float64(p.From)+seconds; s += every {
		c.text(x(s), f.bottom+18, "middle", "quiet", fmt.Sprintf("%d s", int(s)))
	}
	xs := make([]float64, len(p.Suspect))
	heights := func(es []float64) []float64 {
		out := make([]float64, len(es))
		for i, e := range es {
			xs[i], out[i] = x(float64(p.From+i+1)), y(e)
		}
		return out
	}
	c.steps("a line", xs, heights(p.Suspect))
	c.steps("b line", xs, heights(p.Rollback))
	note(c, f, p, x)
}

// note says below the axis when each advice first came.
func note(c *canvas, f frame, p path, x func(float64) float64) {
	last := "none"
	for i, advice := range p.Advice {
		if advice == last {
			continue
		}
		if word := map[string]string{"hold": "held", "shed": "shed", "rollback": "rolled back", "none": "released"}[advice]; word != "" {
			at := p.From + i + 1
			c.text(x(float64(at)), f.bottom+38, "middle", "", fmt.Sprintf("%s, %d s", word, at))
		}
		last = advice
	}
}
