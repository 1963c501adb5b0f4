package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/cli/live"
)

// standing is a rollout and how it does.
type standing struct {
	Rollout  *stagger.Rollout  `json:"rollout"`  // null when none is under way
	Progress *stagger.Progress `json:"progress"` // null when nothing is known
}

func (s *session) status() *cobra.Command {
	return &cobra.Command{
		Use: "status [ROLLOUT]", Short: "Show how a rollout stands",
		Long: `Show how a rollout stands. Without one it is the only active rollout; when none
is under way, the services are shown.`,
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: s.completeRollouts,
		RunE: s.runs(func(c *cobra.Command, api API, args []string) error {
			if idle, err := s.idle(c.Context(), api, args); idle || err != nil {
				return err
			}
			r, err := find(c.Context(), api, first(args))
			if err != nil {
				return err
			}
			return s.stand(c.Context(), api, r)
		}),
	}
}

// idle shows the services when no rollout is named and none is active.
func (s *session) idle(ctx context.Context, api API, args []string) (bool, error) {
	if len(args) > 0 {
		return false, nil
	}
	active, err := api.Rollouts(ctx, client.Filter{Active: true, Limit: 1})
	if err != nil || len(active) > 0 {
		return false, err
	}
	return true, s.show(standing{}, func() error {
		list, err := api.Services(ctx)
		if err != nil {
			return err
		}
		if err := s.print("no rollout is under way\n\n"); err != nil {
			return err
		}
		return s.writeServices(list)
	})
}

func (s *session) stand(ctx context.Context, api API, r stagger.Rollout) error {
	now := standing{Rollout: &r}
	switch p, err := api.Progress(ctx, r.ID); stagger.CodeOf(err) {
	case "":
		now.Progress = &p
	case stagger.CodeNotFound: // not since the server started
	default:
		return err
	}
	return s.show(now, func() error {
		m := live.Model{Rollout: r, Now: s.faces.Now()}
		if now.Progress != nil {
			m.See(*now.Progress)
		}
		var err error
		if m.Events, err = api.History(ctx, r.ID); err != nil {
			return err
		}
		if err := s.print("%s\n", live.Render(m, s.style(), live.Width(s.out), 0)); err != nil {
			return err
		}
		return s.writeLedger(m.Progress.Verdict.Ledger)
	})
}
