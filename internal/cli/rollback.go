package cli

import (
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
)

func (s *session) rollback() *cobra.Command {
	return s.orders(stagger.VerbRollback, &cobra.Command{
		Use: "rollback [ROLLOUT]", Short: "Send everybody back to the baseline",
		Long:    "Send everybody back to the baseline at once, because the candidate is at fault.",
		Example: `  stagger rollback shop --reason "totals are wrong"`,
		Args:    cobra.MaximumNArgs(1),
	}, nil)
}
