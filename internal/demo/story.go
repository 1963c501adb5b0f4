package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli/live"
	"github.com/stagger-dev/stagger/internal/present"
)

// Summary is how a story ended, in numbers.
type Summary struct {
	Scenario string        `json:"scenario"`
	Rollout  string        `json:"rollout"`
	Outcome  stagger.Phase `json:"outcome"`
	Stage    string        `json:"stage"` // where it ended
	Reason   string        `json:"reason"`
	// Seconds is how long the rollout took.
	Seconds float64 `json:"seconds"`
	// DetectedAfter is how long the trouble was there before the first alarm;
	// 0 when there was none.
	DetectedAfter     float64 `json:"detected_after_seconds"`
	Requests          uint64  `json:"requests"`
	CandidateRequests uint64  `json:"candidate_requests"`
	CandidateFailed   uint64  `json:"candidate_failed"`
	UsersExposed      int     `json:"users_exposed"`
	Users             int     `json:"users"`
	// FalseAlarm tells of a rollback of a candidate that was not to blame.
	FalseAlarm bool `json:"false_alarm"`
}

// end gathers the summary and says it.
func (w *world) end(ctx context.Context, o Options, s Scenario, id string, n narrator, t *trouble) (Summary, error) {
	rollout, err := w.client.Rollout(ctx, id)
	if err != nil {
		return Summary{}, fmt.Errorf("read the rollout: %w", err)
	}
	history, err := w.client.History(ctx, id)
	if err != nil {
		return Summary{}, fmt.Errorf("read the history: %w", err)
	}
	summary := Summary{
		Scenario: s.Name, Rollout: id, Outcome: rollout.Phase, Stage: stageName(rollout),
		Reason: rollout.Reason, Seconds: rollout.EndedAt.Sub(rollout.CreatedAt).Seconds(),
		DetectedAfter: t.seen().Seconds(),
		Requests:      w.traffic.sent.Load(), CandidateRequests: w.traffic.candidate.Load(), CandidateFailed: w.traffic.failed.Load(),
		UsersExposed: w.traffic.reached(), Users: users,
		FalseAlarm: rollout.Phase == stagger.PhaseRolledBack && !s.troubled(),
	}
	if err := n.Close(); err != nil {
		return summary, err
	}
	if o.JSON {
		return summary, json.NewEncoder(o.Out).Encode(summary)
	}
	return summary, writeStory(o, s, rollout, history, summary)
}

func stageName(r stagger.Rollout) string {
	switch {
	case r.Stage < 0:
		return ""
	case r.Stage < len(r.Plan.Stages):
		return r.Plan.Stages[r.Stage].Name
	default:
		return "everybody"
	}
}

// writeStory prints what happened and why, a line per step.
func writeStory(o Options, s Scenario, r stagger.Rollout, history []stagger.Event, sum Summary) error {
	width := min(max(live.Width(o.Out), 80), 110)
	text := fmt.Appendf(nil, "\nThe story of %s %s → %s (%s: %s)\n\n", r.Service, r.Baseline, r.Candidate, s.Name, s.Summary)
	for _, e := range history {
		text = append(text, eventLine(r, e, width)...)
	}
	text = fmt.Appendf(text, "\n%s at stage %q after %.1f s.", outcome(sum.Outcome), sum.Stage, sum.Seconds)
	if sum.DetectedAfter > 0 {
		text = fmt.Appendf(text, " The trouble was seen %.1f s after it began.", sum.DetectedAfter)
	}
	text = fmt.Appendf(text, "\n%d of %d requests met the candidate, %d of them failed; %d of %d users saw it at all.\n",
		sum.CandidateRequests, sum.Requests, sum.CandidateFailed, sum.UsersExposed, sum.Users)
	_, err := o.Out.Write(text)
	return err
}

// eventLine says what happened, when, and why, on lines of at most width
// columns.
func eventLine(r stagger.Rollout, e stagger.Event, width int) string {
	head := fmt.Sprintf("%7.1fs  %-18s %5s  ", e.At.Sub(r.CreatedAt).Seconds(), present.Kind(e.Kind), e.Weight)
	indent := ansi.StringWidth(head)
	why := ansi.Wordwrap(e.Reason, width-indent, "")
	return head + strings.ReplaceAll(why, "\n", "\n"+strings.Repeat(" ", indent)) + "\n"
}

func outcome(p stagger.Phase) string {
	switch p {
	case stagger.PhasePromoted:
		return "✔ Promoted to everybody"
	case stagger.PhaseRolledBack:
		return "✘ Rolled back"
	default:
		return "Ended as " + string(p)
	}
}
