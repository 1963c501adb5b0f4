package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger/internal/cli/live"
)

// DemoOptions say which story to tell, and how.
type DemoOptions struct {
	Scenario string
	Rate     float64 // requests per second
	Seed     uint64
	JSON     bool // JSON Lines in place of the live view
	Plain    bool // a line per event in place of the live view
	Colour   bool
	Out      io.Writer
}

// Scenario is a story the demo can tell.
type Scenario struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
}

func (s *session) demo() *cobra.Command {
	o := s.faces.DemoDefaults
	var list bool
	c := &cobra.Command{
		Use: "demo", Short: "Show a whole rollout in under a minute, nothing else needed",
		Long: `Run two small backends, traffic from five thousand people, and the whole product
between them, and tell one story to its end. Nothing stays behind.`,
		Example: "  stagger demo\n  stagger demo --scenario latency\n  stagger demo --list",
		Args:    cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			s.running = true
			if list {
				return s.showScenarios()
			}
			if s.faces.Demo == nil {
				return missing("the demo")
			}
			o.Out, o.JSON = s.out, o.JSON || s.json()
			o.Plain = o.Plain || !live.Terminal(s.out)
			o.Colour = s.style() != live.Plain()
			return s.faces.Demo(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Scenario, "scenario", o.Scenario, "the `story` to tell; --list lists them")
	f.Float64Var(&o.Rate, "rps", o.Rate, "requests per second")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "seed of all that is random")
	f.BoolVar(&o.JSON, "json", false, "a line of JSON per event and a summary at the end, as with -o json")
	f.BoolVar(&o.Plain, "plain", false, "a line per event in place of the live view")
	f.BoolVar(&list, "list", false, "list the stories")
	_ = c.RegisterFlagCompletionFunc("scenario", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var names []cobra.Completion
		for _, scenario := range s.faces.Scenarios {
			names = append(names, cobra.CompletionWithDesc(scenario.Name, scenario.Summary))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

func (s *session) showScenarios() error {
	return s.show(map[string][]Scenario{"scenarios": s.faces.Scenarios}, func() error {
		var t table
		for _, scenario := range s.faces.Scenarios {
			t.add(scenario.Name, scenario.Summary)
		}
		return s.print("%s", &t)
	})
}
