package live

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/stagger-dev/stagger"
)

// pace is how often a screen is repainted when nothing happens, so that clocks
// run.
const pace = 250 * time.Millisecond

// Terminal says whether out is a terminal that understands being painted on.
func Terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// Width returns the columns of out, 80 when it is no terminal.
func Width(out io.Writer) int {
	width, _ := size(out)
	return width
}

func size(out io.Writer) (width, height int) {
	if f, ok := out.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// Screen shows one rollout as it is told of it. On a terminal it is a picture
// on the alternate screen that is repainted in place; anywhere else a line per
// event. It is safe for concurrent use.
type Screen struct {
	out   io.Writer
	style Style
	paint bool // a picture, not lines

	mu     sync.Mutex // guards the rest
	model  Model
	drawn  []string // the lines on the screen
	width  int
	height int
	told   uint64 // the last event that was printed as a line
	begun  bool
	closed bool
	err    error // the first that writing met

	stop chan struct{}
	done sync.WaitGroup
}

// NewScreen returns a screen on out. It paints when picture is set, which asks
// for a Terminal.
func NewScreen(out io.Writer, y Style, picture bool) *Screen {
	s := &Screen{out: out, style: y, paint: picture, stop: make(chan struct{})}
	if picture {
		s.done.Go(s.run)
	}
	return s
}

// Begin shows a rollout that is known already, so that its events need not be
// heard from the first.
func (s *Screen) Begin(r stagger.Rollout) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.model.Rollout = r
}

// Link shows where a browser shows the same.
func (s *Screen) Link(page string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.model.Page = page
}

// Hear shows an event. The error tells of a gap in the events, or that out
// cannot be written to any more.
func (s *Screen) Hear(e stagger.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.model.Hear(e); err != nil {
		return err
	}
	if s.paint {
		s.draw(time.Now())
	} else if e.Seq > s.told {
		s.told = e.Seq
		s.write(s.style.Line(e) + "\n")
	}
	return s.err
}

// See shows how the rollout does now.
func (s *Screen) See(p stagger.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.model.See(p)
}

// Rollout returns the rollout as the events tell it.
func (s *Screen) Rollout() stagger.Rollout {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.model.Rollout
}

// Close leaves the last picture behind, on the ordinary screen. It may be
// called more than once; the error is the first that writing met.
func (s *Screen) Close() error {
	s.mu.Lock()
	if s.closed {
		defer s.mu.Unlock()
		return s.err
	}
	s.closed = true
	close(s.stop)
	s.mu.Unlock()
	s.done.Wait()

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		s.write(ansi.ResetModeAltScreenSaveCursor + ansi.ShowCursor)
		s.write(Render(s.model, s.style, s.width, s.height) + "\n")
	}
	return s.err
}

// run repaints until Close.
func (s *Screen) run() {
	clock := time.NewTicker(pace)
	defer clock.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-clock.C:
			s.mu.Lock()
			s.draw(now)
			s.mu.Unlock()
		}
	}
}

// draw brings the screen up to date. It writes only lines that changed, in one
// piece, so that nothing flickers.
func (s *Screen) draw(now time.Time) {
	if s.closed || s.err != nil {
		return
	}
	s.model.Now = now
	width, height := size(s.out)
	var b strings.Builder
	b.WriteString(ansi.SetModeSynchronizedOutput)
	if !s.begun {
		s.begun = true
		b.WriteString(ansi.SetModeAltScreenSaveCursor + ansi.HideCursor)
	}
	if width != s.width || height != s.height {
		s.width, s.height, s.drawn = width, height, nil
		b.WriteString(ansi.EraseEntireScreen)
	}
	lines := strings.Split(Render(s.model, s.style, width, height), "\n")
	for i := range max(len(lines), len(s.drawn)) {
		line, before := at(lines, i), at(s.drawn, i)
		if line != before {
			fmt.Fprintf(&b, "%s%s%s", ansi.CursorPosition(1, i+1), line, ansi.EraseLineRight)
		}
	}
	b.WriteString(ansi.ResetModeSynchronizedOutput)
	s.drawn = lines
	s.write(b.String())
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// write keeps the first error; there is nothing more to say after it.
func (s *Screen) write(text string) {
	if s.err != nil {
		return
	}
	if _, err := io.WriteString(s.out, text); err != nil {
		s.err = fmt.Errorf("write to the terminal: %w", err)
	}
}
