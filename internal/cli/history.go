package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli/live"
	"github.com/stagger-dev/stagger/internal/present"
)

func (s *session) history() *cobra.Command {
	var verdicts bool
	c := &cobra.Command{
		Use: "history [ROLLOUT]", Short: "Tell what happened to a rollout, and why",
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: s.completeRollouts,
		RunE: s.runs(func(c *cobra.Command, api API, args []string) error {
			r, err := find(c.Context(), api, first(args))
			if err != nil {
				return err
			}
			events, err := api.History(c.Context(), r.ID)
			if err != nil {
				return err
			}
			return s.show(map[string][]stagger.Event{"events": events}, func() error {
				for _, e := range events {
					if err := s.writeEvent(e, verdicts); err != nil {
						return err
					}
				}
				return nil
			})
		}),
	}
	c.Flags().BoolVar(&verdicts, "verdicts", false, "with the evidence each decision rested on")
	return c
}

// writeEvent writes one event, with its day where the line has only the time.
func (s *session) writeEvent(e stagger.Event, verdict bool) error {
	style := s.style()
	line := style.Dim(e.At.Local().Format(time.DateOnly)) + " " + style.Line(e)
	if err := s.print("%s\n", line); err != nil || !verdict || e.Verdict == nil {
		return err
	}
	return s.print("%s", evidence(style, *e.Verdict))
}

// evidence writes a verdict as indented lines.
func evidence(style live.Style, v stagger.Verdict) string {
	text := fmt.Sprintf("    %s  %s requests to the baseline, %s to the candidate, %s failed\n",
		style.Sign(present.Outcome(v.Outcome)), present.Count(v.Baseline.Requests), present.Count(v.Candidate.Requests), present.Count(v.Candidate.Failed))
	var t table
	for _, f := range v.Findings {
		t.add("    "+style.Sign(present.Finding(f)), present.Signal(f), present.Estimate(f)+" ("+present.Interval(f)+")",
			"limit "+present.Ratio(f.Tolerance), f.Sentence)
	}
	return text + t.String()
}
