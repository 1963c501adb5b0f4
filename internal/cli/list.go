package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/present"
)

func (s *session) list() *cobra.Command {
	var f client.Filter
	c := &cobra.Command{
		Use: "list", Short: "List rollouts, the newest first", Aliases: []string{"ls"},
		Args: cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: s.runs(func(c *cobra.Command, api API, _ []string) error {
			list, err := api.Rollouts(c.Context(), f)
			if err != nil {
				return err
			}
			return s.show(map[string][]stagger.Rollout{"rollouts": list}, func() error { return s.writeList(list) })
		}),
	}
	c.Flags().StringVar(&f.Service, "service", "", "only those of this service")
	c.Flags().BoolVar(&f.Active, "active", false, "only those under way")
	c.Flags().IntVar(&f.Limit, "limit", 20, "at most so many, up to 1000")
	return c
}

func (s *session) writeList(list []stagger.Rollout) error {
	if len(list) == 0 {
		return s.print("no rollouts yet\n")
	}
	var t table
	style := s.style()
	t.add("ROLLOUT", "SERVICE", "CHANGE", "PHASE", "STAGE", "WEIGHT", "STARTED")
	for _, r := range list {
		t.add(r.ID, r.Service, r.Baseline+" → "+r.Candidate, style.Sign(present.Phase(r.Phase)),
			stageOf(r), r.Weight.String(), present.Ago(r.CreatedAt, s.faces.Now()))
	}
	return s.print("%s", &t)
}

// stageOf names where r stands.
func stageOf(r stagger.Rollout) string {
	switch n := len(r.Plan.Stages); {
	case r.Stage < 0:
		return present.Unknown
	case r.Stage >= n:
		return "bake"
	default:
		name := r.Plan.Stages[r.Stage].Name
		if name != "" {
			name += " "
		}
		return fmt.Sprintf("%s%d/%d", name, r.Stage+1, n)
	}
}
