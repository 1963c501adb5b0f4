package cli

import (
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger/internal/cli/live"
)

func (s *session) evidence() *cobra.Command {
	return &cobra.Command{
		Use: "evidence [ROLLOUT]", Short: "Draw how the evidence grew, also of a rollout that is over",
		Long: `Draw how the evidence of a rollout grew, also of one that is over. For each
guardrail the ratio of the candidate to the baseline closes in with its interval,
95 % confidence at all times at once, on an axis in multiples of the limit; below
it is how far the evidence was on its way to suspicion, rollback and health. At
most 240 points are kept of a rollout, the older ones further apart.`,
		Example: "  stagger evidence shop\n  stagger evidence shop -o json",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: s.completeRollouts,
		RunE: s.runs(func(c *cobra.Command, api API, args []string) error {
			r, err := find(c.Context(), api, first(args))
			if err != nil {
				return err
			}
			p, err := api.Evidence(c.Context(), r.ID)
			if err != nil {
				return err
			}
			return s.show(p, func() error {
				if len(p.At) == 0 {
					return s.print("no evidence is kept of %s\n", r.ID)
				}
				return s.print("%s  %s → %s  %s\n%s", r.Service, r.Baseline, r.Candidate, r.ID, live.Path(p, s.style(), live.Width(s.out)))
			})
		}),
	}
}
