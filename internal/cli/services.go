package cli

import (
	"fmt"
	"slices"
	"strings"

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
	load := slices.ContainsFunc(list, func(s stagger.ServiceStatus) bool { return len(s.Strain)+len(s.Degraded) > 0 })
	heads := []string{"SERVICE", "BASELINE", "ROLLOUT"}
	if load {
		heads = append(heads, "BEARS")
	}
	t.add(heads...)
	for _, status := range list {
		rollout := present.Unknown
		switch r, w := status.Rollout, status.Watch; {
		case r != nil:
			rollout = style.Sign(present.Phase(r.Phase)) + " " + r.Candidate + " at " + r.Weight.String() + "  " + r.ID
		case w != nil && !w.Since.IsZero():
			rollout = style.Tone(present.Warn, "! "+w.Sentence)
		}
		cells := []string{status.Service.Name, status.Baseline, rollout}
		if load {
			cells = append(cells, bears(status))
		}
		t.add(cells...)
	}
	return s.print("%s", &t)
}

// bears tells how the versions of a service bear their traffic, and which of its
// routes are degraded.
func bears(s stagger.ServiceStatus) string {
	var parts []string
	for _, v := range s.Strain {
		part := v.Version
		if v.Limit > 0 {
			part += fmt.Sprintf(" %.0f%% of %d", 100*v.Saturation, v.Limit)
		}
		if v.Circuit != "" && v.Circuit != "closed" {
			part += " circuit " + v.Circuit
		}
		if part != v.Version {
			parts = append(parts, part)
		}
	}
	for _, d := range s.Degraded {
		parts = append(parts, d.Route+" "+d.Mode)
	}
	if len(parts) == 0 {
		return present.Unknown
	}
	return strings.Join(parts, ", ")
}
