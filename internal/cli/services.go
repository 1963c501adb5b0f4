package cli

import (
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

func (s *session) services() *cobra.Command {
	return &cobra.Command{
		Use: "services", Short: "List services, their baselines and what is under way",
		Args: cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: s.runs(func(c *cobra.Command, api API, _ []string) error {
			list, err := api.Services(c.Context())
			if err != nil {
				return err
			}
			return s.show(map[string][]stagger.ServiceStatus{"services": list}, func() error { return s.writeServices(list) })
		}),
	}
}

func (s *session) writeServices(list []stagger.ServiceStatus) error {
	var t table
	style := s.style()
	t.add("SERVICE", "BASELINE", "ROLLOUT")
	for _, status := range list {
		rollout := present.Unknown
		switch r, w := status.Rollout, status.Watch; {
		case r != nil:
			rollout = style.Sign(present.Phase(r.Phase)) + " " + r.Candidate + " at " + r.Weight.String() + "  " + r.ID
		case w != nil && !w.Since.IsZero():
			rollout = style.Tone(present.Warn, "! "+w.Sentence)
		}
		t.add(status.Service.Name, status.Baseline, rollout)
	}
	return s.print("%s", &t)
}
