package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
)

func (s *session) review() *cobra.Command {
	c := s.orders(stagger.VerbReview, &cobra.Command{
		Use: "review ROLLOUT JUDGEMENT", Short: "Say what became of a rollout that is over",
		Long: `Say what became of a rollout that is over, once you know: false-alarm (it was
stopped or held for no fault of the candidate), true-alarm (the candidate was at
fault, and that was seen) or missed (it was at fault, and that was not seen in
time). Nothing changes by it but the record, and the outcomes over months that
are made of it. The newest review of a rollout stands.`,
		Example: `  stagger review shop false-alarm --reason "the load test hit both versions"`,
		Args:    cobra.ExactArgs(2),
	}, func(args []string, o *stagger.Command) error {
		o.Judgement = stagger.Judgement(strings.ReplaceAll(args[1], "-", "_"))
		if !slices.Contains(stagger.Judgements(), o.Judgement) {
			return invalid("%s is no judgement; write %s", args[1], strings.Join(judgements(), ", "))
		}
		return nil
	})
	c.ValidArgsFunction = func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return judgements(), cobra.ShellCompDirectiveNoFileComp
		}
		return s.completeRollouts(c, args, typed)
	}
	return c
}

// judgements are the words as people type them.
func judgements() []string {
	var typed []string
	for _, j := range stagger.Judgements() {
		typed = append(typed, strings.ReplaceAll(string(j), "_", "-"))
	}
	return typed
}
