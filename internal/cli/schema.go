package cli

import (
	"bytes"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger/internal/config"
)

func (s *session) schema() *cobra.Command {
	return &cobra.Command{
		Use: "schema server|rollout", Short: "Print the JSON Schema of a file",
		Long:    "Print the JSON Schema of a file, for editors and checks of one's own.",
		Example: "  stagger schema rollout > rollout.schema.json",
		Args:    cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: []cobra.Completion{kindServer, kindRollout},
		RunE: func(_ *cobra.Command, args []string) error {
			s.running = true
			schema := config.RolloutSchema()
			if args[0] == kindServer {
				schema = config.ServerSchema()
			}
			return s.print("%s\n", bytes.TrimSpace(schema))
		},
	}
}
