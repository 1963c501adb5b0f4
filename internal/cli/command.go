package cli

import (
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// orders makes a command that asks something of a rollout; fill adds what the
// verb needs and may be nil.
func (s *session) orders(verb stagger.Verb, c *cobra.Command, fill func(args []string, o *stagger.Command) error) *cobra.Command {
	var reason string
	c.Flags().StringVar(&reason, "reason", "", "why, for the history")
	c.ValidArgsFunction = s.completeRollouts
	c.RunE = s.runs(func(c *cobra.Command, api API, args []string) error {
		order := stagger.Command{Verb: verb, Actor: s.actor(), Reason: reason}
		if fill != nil {
			if err := fill(args, &order); err != nil {
				return usage(err)
			}
		}
		r, err := find(c.Context(), api, first(args))
		if err != nil {
			return err
		}
		order.Rollout = r.ID
		if r, err = api.Do(c.Context(), order); err != nil {
			return err
		}
		return s.show(r, func() error { return s.writeStand(r) })
	})
	return c
}

// writeStand writes in a line where a rollout stands.
func (s *session) writeStand(r stagger.Rollout) error {
	line := s.style().Sign(present.Phase(r.Phase)) + "  " + r.ID + " at " + r.Weight.String()
	if r.Reason != "" {
		line += ": " + r.Reason
	}
	return s.print("%s\n", line)
}
