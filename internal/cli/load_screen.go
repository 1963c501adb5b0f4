package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/stagger-dev/stagger/internal/cli/live"
	"github.com/stagger-dev/stagger/internal/load"
	"github.com/stagger-dev/stagger/internal/present"
)

// plainPace is how often a line tells of progress where there is no terminal.
const plainPace = 10 * time.Second

// loadScreen tells how a load does: a line that is painted over on a terminal,
// and lines now and then anywhere else. It goes to stderr, as the report is what
// was asked for.
type loadScreen struct {
	out   io.Writer
	style live.Style
	paint bool
	told  time.Duration
}

func (s *session) loadScreen() *loadScreen {
	return &loadScreen{out: s.err, style: s.style(), paint: live.Terminal(s.err)}
}

func (l *loadScreen) show(p load.Progress) {
	if !l.paint {
		if p.At-l.told >= plainPace {
			l.told = p.At
			_, _ = fmt.Fprintln(l.out, l.line(p)) // there is nowhere else to say it
		}
		return
	}
	text := "  " + l.line(p)
	width := min(max(live.Width(l.out)-ansi.StringWidth(text)-1, 4), 40)
	bar := l.style.Bar(float64(p.At)/float64(max(p.Length, 1)), width)
	_, _ = fmt.Fprint(l.out, "\r"+ansi.Truncate(bar+text, live.Width(l.out)-1, "")+ansi.EraseLineRight)
}

func (l *loadScreen) line(p load.Progress) string {
	line := fmt.Sprintf("%s of %s  %s/s of %s/s  p50 %s p99 %s  %d in flight",
		present.Span(p.At.Truncate(time.Second)), present.Span(p.Length), present.Rate(p.Reached), present.Rate(p.Wished),
		present.Latency(p.P50), present.Latency(p.P99), p.InFlight)
	if p.Failed > 0 {
		line += "  " + l.style.Tone(present.Bad, present.Count(p.Failed)+" failed")
	}
	if p.Dropped > 0 {
		line += "  " + l.style.Tone(present.Warn, present.Count(p.Dropped)+" not made")
	}
	return line
}

// clear takes the line away.
func (l *loadScreen) clear() {
	if l.paint {
		_, _ = fmt.Fprint(l.out, "\r"+ansi.EraseLineRight)
	}
}
