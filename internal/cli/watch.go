package cli

import (
	"time"

	"github.com/spf13/cobra"
)

func (s *session) watch() *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use: "watch [ROLLOUT]", Short: "Follow a rollout live until it is over",
		Long: `Follow a rollout until it is over: a live picture on a terminal, a line per
event anywhere else, an object per line with -o json. The exit code tells the
outcome, as with start --wait.`,
		Example: "  stagger watch shop",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: s.completeRollouts,
		RunE: s.runs(func(c *cobra.Command, api API, args []string) error {
			r, err := find(c.Context(), api, first(args))
			if err != nil {
				return err
			}
			return s.follow(c.Context(), api, r, followOptions{timeout: timeout, picture: true})
		}),
	}
	c.Flags().DurationVar(&timeout, "timeout", 0, "watch at most so long; 0 is for ever")
	return c
}
