package cli

import (
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
)

func (s *session) pause() *cobra.Command {
	return s.orders(stagger.VerbPause, &cobra.Command{
		Use: "pause [ROLLOUT]", Short: "Stop the ramp; judging goes on",
		Long: `Keep the weight where it is. The candidate is still judged, and still rolled
back when it does worse.`,
		Args: cobra.MaximumNArgs(1),
	}, nil)
}
