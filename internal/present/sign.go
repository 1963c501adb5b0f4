package present

import (
	"encoding/hex"
	"strings"

	"github.com/stagger-dev/stagger"
)

// Phase returns the sign of a phase.
func Phase(p stagger.Phase) Sign {
	switch p {
	case stagger.PhasePending:
		return Sign{"○", "pending", Quiet}
	case stagger.PhaseProgressing:
		return Sign{"▶", "progressing", Live}
	case stagger.PhaseWaiting:
		return Sign{"◆", "waiting", Warn}
	case stagger.PhasePaused:
		return Sign{"‖", "paused", Warn}
	case stagger.PhaseBaking:
		return Sign{"◔", "baking", Live}
	case stagger.PhasePromoted:
		return Sign{"✔", "promoted", Good}
	case stagger.PhaseRolledBack:
		return Sign{"✘", "rolled back", Bad}
	case stagger.PhaseAborted:
		return Sign{"■", "aborted", Quiet}
	case stagger.PhaseSuperseded:
		return Sign{"⇢", "superseded", Quiet}
	}
	return Sign{"?", words(string(p)), Quiet}
}

// Hold says what keeps a rollout, in words; "" when nothing does.
func Hold(h stagger.Hold) string {
	switch h {
	case stagger.HoldNone:
		return ""
	case stagger.HoldSuspect:
		return "looks bad, not yet proved"
	case stagger.HoldShed:
		return "traffic is cut to a probe"
	case stagger.HoldBlind:
		return "telemetry is missing"
	case stagger.HoldTimebox:
		return "timebox ended, a person decides"
	case stagger.HoldPaused:
		return "a person paused it"
	case stagger.HoldUnready:
		return "no healthy endpoint"
	}
	return words(string(h))
}

// Outcome returns the sign of a verdict or a finding.
func Outcome(o stagger.Outcome) Sign {
	switch o {
	case stagger.OutcomeHealthy:
		return Sign{"✔", "healthy", Good}
	case stagger.OutcomeRegressed:
		return Sign{"✘", "regressed", Bad}
	case stagger.OutcomeInconclusive:
		return Sign{"…", "inconclusive", Quiet}
	case stagger.OutcomeBlind:
		return Sign{"∅", "blind", Warn}
	}
	return Sign{"…", words(string(o)), Quiet}
}

// Finding returns the sign of a finding: its outcome, but suspicion shows
// before the outcome changes.
func Finding(f stagger.Finding) Sign {
	s := Outcome(f.Outcome)
	if s.Tone != Bad && f.Suspect >= 1 {
		return Sign{"!", "suspect", Warn}
	}
	return s
}

// Kind returns the sign of an event.
func Kind(k stagger.EventKind) Sign {
	s := Sign{"·", words(string(k)), Quiet}
	switch k {
	case stagger.EventCreated:
		s.Symbol = "○"
	case stagger.EventStageEntered, stagger.EventResumed:
		s.Symbol, s.Tone = "▶", Live
	case stagger.EventHeld, stagger.EventTimeboxEnded, stagger.EventAlerted:
		s.Symbol, s.Tone = "◆", Warn
	case stagger.EventPaused:
		s.Symbol, s.Tone = "‖", Warn
	case stagger.EventBlinded:
		s.Symbol, s.Tone = "∅", Warn
	case stagger.EventShed:
		s.Symbol, s.Tone = "▼", Bad
	case stagger.EventRestored:
		s.Symbol, s.Tone = "▲", Good
	case stagger.EventReleased, stagger.EventSighted, stagger.EventCleared:
		s.Symbol, s.Tone = "◇", Good
	case stagger.EventWeightSet:
		s.Symbol = "="
	case stagger.EventBaking:
		s.Symbol, s.Tone = "◔", Live
	case stagger.EventPromoted, stagger.EventRolledBack, stagger.EventAborted, stagger.EventSuperseded:
		return Phase(stagger.Phase(k))
	case stagger.EventConverged:
		s.Symbol, s.Words = "≡", "traffic followed"
	case stagger.EventReviewed:
		s.Symbol = "✎"
	}
	return s
}

// Signal names what a finding is about: "errors", "latency p99", "gauge queue".
func Signal(f stagger.Finding) string {
	name := string(f.Signal)
	for _, part := range []string{f.Metric, f.Slot} {
		if part != "" {
			name += " " + part
		}
	}
	return name
}

// Change says in one line what the candidate brings; "" when nothing is known.
func Change(c stagger.Change) string {
	var parts []string
	for _, part := range []string{c.Summary, words(c.Kind), short(c.Commit), c.Author, c.Ticket} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

// commitShown is how much is said of a commit's hash, as much as tells it from
// others.
const commitShown = 10

// short shortens a commit that is a whole hash.
func short(commit string) string {
	if _, err := hex.DecodeString(commit); err != nil || len(commit) < 2*commitShown {
		return commit
	}
	return commit[:commitShown]
}

// words turns an identifier into words.
func words(s string) string { return strings.ReplaceAll(s, "_", " ") }
