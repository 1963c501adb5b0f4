package cli

import (
	"time"

	"github.com/spf13/cobra"
)

func (s *session) traffic() *cobra.Command {
	c := &cobra.Command{
		Use: "traffic", Short: "Let the requests to a service wait while something is switched",
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(s.pauseTraffic(), s.resumeTraffic())
	return c
}

func (s *session) pauseTraffic() *cobra.Command {
	var most time.Duration
	c := &cobra.Command{
		Use: "pause SERVICE", Short: "Let requests wait from now on",
		Long: `Let the requests to a service wait that begin from now on; those under way go
on. When it is over, after 'stagger traffic resume' or by itself, they are sent
as if they had come just then. Users see a longer answer and no error.`,
		Example: `  stagger traffic pause shop --for 5s`,
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
		Use: "resume SERVICE", Short: "Let them go on",
		Args: cobra.ExactArgs(1), ValidArgsFunction: nothing,
		RunE: s.runs(func(c *cobra.Command, api API, args []string) error {
			if err := api.ResumeTraffic(c.Context(), args[0]); err != nil {
				return err
			}
			return s.print("requests to %s go on\n", args[0])
		}),
	}
}
