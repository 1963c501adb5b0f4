package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger/client"
)

// completionPatience is how long a shell waits for the server while somebody
// presses tab.
const completionPatience = time.Second

// ask lets f ask the server for completions.
func (s *session) ask(c *cobra.Command, f func(context.Context, API) error) error {
	api, err := s.connect()
	if err != nil {
		return err
	}
	parent := c.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completionPatience)
	defer cancel()
	return f(ctx, api)
}

// nothing completes with nothing, not even with files.
func nothing(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeRollouts offers services and rollouts of the server for the first
// argument.
func (s *session) completeRollouts(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := s.completeServices(c)
	err := s.ask(c, func(ctx context.Context, api API) error {
		list, err := api.Rollouts(ctx, client.Filter{Limit: 20})
		for _, r := range list {
			names = append(names, cobra.CompletionWithDesc(r.ID, fmt.Sprintf("%s → %s, %s", r.Baseline, r.Candidate, r.Phase)))
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp // a shell that waits wants no errors
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (s *session) completeServices(c *cobra.Command) []cobra.Completion {
	var names []cobra.Completion
	_ = s.ask(c, func(ctx context.Context, api API) error { // a shell that waits wants no errors
		list, err := api.Services(ctx)
		for _, status := range list {
			names = append(names, cobra.CompletionWithDesc(status.Service.Name, "service at "+status.Baseline))
		}
		return err
	})
	return names
}
