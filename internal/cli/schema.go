package cli

import "github.com/spf13/cobra"

func (s *session) schema() *cobra.Command {
	return &cobra.Command{
		Use: "schema server|rollout", Short: "Print the JSON Schema of a file",
		Long:    "Print the JSON Schema of a file, for editors and checks of one's own.",
		Example: "  stagger schema rollout > rollout.schema.json",
		Args:    cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: []cobra.Completion{kindServer, kindRollout},
		RunE: func(_ *cobra.Command, args []string) error {
			s.running = true
			if s.faces.Grammar == nil {
				return missing("the grammar of files")
			}
			schema := s.faces.Grammar.RolloutSchema()
			if args[0] == kindServer {
				schema = s.faces.Grammar.ServerSchema()
			}
			return s.print("%s\n", trimmed(schema))
		},
	}
}

// trimmed takes away the newline at the end, if there is one.
func trimmed(text []byte) []byte {
	if n := len(text); n > 0 && text[n-1] == '\n' {
		return text[:n-1]
	}
	return text
}
