package cli

import (
	"bytes"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger/internal/config"
)

func (s *session) schema() *cobra.Command {
	return &cobra.Command{
		Use: "schema server|rollout|load", Short: "Print the JSON Schema of a file",
		Long:    "Print the JSON Schema of a file, for editors and checks of one's own.",
		Example: "  stagger schema rollout > rollout.schema.json",
		Args:    cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: []cobra.Completion{kindServer, kindRollout, kindLoad},
		RunE: func(_ *cobra.Command, args []string) error {
			s.running = true
			schema := map[string]func() []byte{
				kindServer: config.ServerSchema, kindRollout: config.RolloutSchema, kindLoad: config.LoadSchema,
			}[args[0]]()
			return s.print("%s\n", bytes.TrimSpace(schema))
		},
	}
}
