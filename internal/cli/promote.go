package cli

import (
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
)

func (s *session) promote() *cobra.Command {
	var all bool
	c := s.orders(stagger.VerbPromote, &cobra.Command{
		Use: "promote [ROLLOUT]", Short: "Go to the next stage, or to everybody",
		Long: `Go on to the next stage without waiting for the evidence, or to everybody with
--all. The candidate is still judged there.`,
		Args: cobra.MaximumNArgs(1),
	}, func(_ []string, o *stagger.Command) error {
		o.All = all
		return nil
	})
	c.Flags().BoolVar(&all, "all", false, "to everybody, not just to the next stage")
	return c
}
