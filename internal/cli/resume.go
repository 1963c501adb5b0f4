package cli

import (
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
)

func (s *session) resume() *cobra.Command {
	return s.orders(stagger.VerbResume, &cobra.Command{
		Use: "resume [ROLLOUT]", Short: "Let a paused or held rollout go on",
		Long: `Let a rollout go on that was paused, that waits since its timebox ended, or
whose weight was set by hand.`,
		Args: cobra.MaximumNArgs(1),
	}, nil)
}
