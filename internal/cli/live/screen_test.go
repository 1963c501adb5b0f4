package live_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli/live"
)

// paper is an output that can be read while it is written to.
type paper struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

// take returns what was written since it was taken last.
func (p *paper) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.b.Reset()
	return p.b.String()
}

func TestScreenPaintsOnlyWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out paper
		s := live.NewScreen(&out, live.Plain(), true)
		m := basket()
		progress(&m, nil)
		for _, e := range m.Events {
			must(t, s.Hear(e))
		}
		s.See(m.Progress)
		time.Sleep(300 * time.Millisecond)
		first := out.take()
		if !strings.HasPrefix(first, ansi.SetModeSynchronizedOutput+ansi.SetModeAltScreenSaveCursor) || !strings.Contains(first, "wanted 10%") {
			t.Errorf("first picture: %q", first)
		}
		time.Sleep(250 * time.Millisecond)
		if again := out.take(); strings.Contains(again, "wanted 10%") || strings.Contains(again, ansi.EraseEntireScreen) {
			t.Errorf("what did not change is painted again: %q", again)
		}
		must(t, s.Close())
		last := out.take()
		if !strings.HasPrefix(last, ansi.ResetModeAltScreenSaveCursor+ansi.ShowCursor) || !strings.Contains(last, "wanted 10%") {
			t.Errorf("last picture: %q", last)
		}
		must(t, s.Close())
	})
}

func TestLinesAreToldOnce(t *testing.T) {
	var out paper
	s := live.NewScreen(&out, live.Plain(), false)
	m := basket()
	for range 2 { // a stream that was cut off tells again what it told
		for _, e := range m.Events {
			must(t, s.Hear(e))
		}
	}
	must(t, s.Close())
	want := "12:00:00  ○ created            0%  ada started it: release 12\n" +
		"12:00:01  ▶ stage entered      0%  stage staff begins at 0% and 1 rule: v1 and v2 are ready\n" +
		"12:00:14  ▶ stage entered     10%  stage tenth begins at 10%: stage staff is healthy\n"
	if got := out.take(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if r := s.Rollout(); r.Stage != 1 || r.Weight != 10*stagger.WeightPercent {
		t.Errorf("rollout: %+v", r)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestOutputThatIsGoneIsAnError(t *testing.T) {
	s := live.NewScreen(broken{}, live.Plain(), false)
	m := basket()
	if err := s.Hear(m.Events[0]); err == nil || !strings.Contains(err.Error(), "write to the terminal: gone") {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err == nil {
		t.Error("closed without the error")
	}
}
