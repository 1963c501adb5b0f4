package cli

import (
	"time"

	"github.com/spf13/cobra"
)

func (s *session) pauseTraffic() *cobra.Command {
	var most time.Duration
	c := &cobra.Command{
		Use: "pause-traffic SERVICE", Short: "Let the requests to a service wait, while something is switched",
		Long: `Let the requests to a service wait that begin from now on; those under way go
on. When it is over, after 'stagger resume-traffic' or by itself, they are sent
as if they had come just then. Users see a longer answer and no error.`,
		Example: `  stagger pause-traffic shop --for 5s`,
		Args:    cobra.ExactArgs(1), ValidArgsFunction: nothing,
		RunE: s.runs(func(c *cobra.Command, api API, args []string) error {
			if err := api.PauseTraffic(c.Context(), args[0], most); err != nil {
				return err
			}
			return s.print("requests to %s wait, for %s at most\n", args[0], most)
		}),
	}
	c.Flags().DurationVar(&most, "for", 10*time.Second, "how long at most, up to 1m")
	return c
}

func (s *session) resumeTraffic() *cobra.Command {
	return &cobra.Command{
		Use: "resume-traffic SERVICE", Short: "Let the requests to a service go on that wait",
		Args: cobra.ExactArgs(1), ValidArgsFunction: nothing,
		RunE: s.runs(func(c *cobra.Command, api API, args []string) error {
			if err := api.ResumeTraffic(c.Context(), args[0]); err != nil {
				return err
			}
			return s.print("requests to %s go on\n", args[0])
		}),
	}
}
