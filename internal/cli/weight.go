package cli

import (
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
)

func (s *session) weight() *cobra.Command {
	return s.orders(stagger.VerbWeight, &cobra.Command{
		Use: "weight ROLLOUT PERCENT", Short: "Set the share of traffic by hand",
		Long: `Set the share of traffic on the candidate by hand. It stays there until the
rollout is resumed or promoted; the candidate is still judged.`,
		Example: "  stagger weight shop 2.5",
		Args:    cobra.ExactArgs(2),
	}, func(args []string, o *stagger.Command) error {
		w, err := stagger.ParseWeight(args[1])
		o.Weight = &w
		return err
	})
}
