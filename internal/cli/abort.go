package cli

import (
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
)

func (s *session) abort() *cobra.Command {
	return s.orders(stagger.VerbAbort, &cobra.Command{
		Use: "abort [ROLLOUT]", Short: "Give up: back to the baseline, without blame",
		Long: "Send everybody back to the baseline at once, for a reason other than the candidate.",
		Args: cobra.MaximumNArgs(1),
	}, nil)
}
