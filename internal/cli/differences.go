package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

func (s *session) differences() *cobra.Command {
	var noise bool
	c := &cobra.Command{
		Use: "differences [ROLLOUT]", Short: "Tell where the answers to mirrored requests differ",
		Long: `Tell where the candidate answers mirrored requests otherwise than the baseline.
A place is called a difference when the candidate differs there more often than
the baseline does from itself; what the baseline differs in as often is noise,
and left out unless --noise asks for it. All is counted since the server started.`,
		Example: "  stagger differences shop\n  stagger differences shop --noise\n  stagger differences shop -o json",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: s.completeRollouts,
		RunE: s.runs(func(c *cobra.Command, api API, args []string) error {
			r, err := find(c.Context(), api, first(args))
			if err != nil {
				return err
			}
			d, err := api.Differences(c.Context(), r.ID)
			if err != nil {
				return err
			}
			return s.show(d, func() error { return s.writeDifferences(r, d, noise) })
		}),
	}
	c.Flags().BoolVar(&noise, "noise", false, "with what the baseline differs from itself in")
	return c
}

func (s *session) writeDifferences(r stagger.Rollout, d stagger.Differences, noise bool) error {
	if err := s.print("%s  %s → %s  %s\n%s mirrored, %s failed; of %s that count %s differ, the baseline from itself in %s of %s\n",
		r.Service, r.Baseline, r.Candidate, r.ID, present.Count(d.Mirrored), present.Count(d.Failed),
		present.Count(d.Compared), present.Count(d.Differing), present.Count(d.Noisy), present.Count(d.Pairs)); err != nil {
		return err
	}
	if lost := present.Dropped(d.Dropped); lost != "" {
		if err := s.print("not mirrored: %s\n", lost); err != nil {
			return err
		}
	}
	style := s.style()
	var t table
	t.add("", "PATH", "KIND", "CANDIDATE", "NOISE", "EXAMPLE")
	hidden := 0
	for _, one := range d.Paths {
		if one.Finding == stagger.FoundNoise && !noise {
			hidden++
			continue
		}
		t.add(style.Sign(present.Difference(one.Finding)), one.Path, string(one.Kind),
			present.Share(one.CandidateRate), present.Share(one.NoiseRate), exampleOf(one))
	}
	if len(t.rows) > 1 {
		if err := s.print("\n%s", &t); err != nil {
			return err
		}
	}
	if hidden > 0 {
		return s.print("\n%d more are noise; --noise shows them\n", hidden)
	}
	return nil
}

// exampleOf writes the first example of a difference.
func exampleOf(d stagger.Difference) string {
	if len(d.Examples) == 0 {
		return ""
	}
	e := d.Examples[0]
	return cmp.Or(e.Baseline, present.Unknown) + " → " + cmp.Or(e.Candidate, present.Unknown) + "  " + e.Method + " " + e.Target
}
