package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (s *session) verify() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Check that the recorded history was not tampered with",
		Long: `Let the server compute the hash chain over the whole history anew. The head it
prints, kept elsewhere, proves later that nothing up to it was rewritten.`,
		Args: cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: s.runs(func(c *cobra.Command, api API, _ []string) error {
			proof, err := api.Verify(c.Context())
			if err != nil {
				return err
			}
			err = s.show(proof, func() error { return s.print("%d events are as recorded; head %s\n", proof.Events, proof.Head) })
			if err != nil || proof.Intact() {
				return err
			}
			return &exit{
				code: exitInternal,
				message: fmt.Sprintf("the history is broken at entry %d (rollout %s, event %d): %s",
					proof.Broken.ID, proof.Broken.Rollout, proof.Broken.Seq, proof.Broken.Message),
				hint: "keep a copy of the store before anything else is done to it",
			}
		}),
	}
}
