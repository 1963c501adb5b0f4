package cli

import (
	"log/slog"
	"time"

	"github.com/spf13/cobra"
)

// ServeOptions say how to run a server.
type ServeOptions struct {
	Config   string // the configuration file
	Program  string // what is started to take this one's place; filled in by whoever serves
	Linger   time.Duration
	LogLevel slog.Level
	LogJSON  bool
}

func (s *session) serve() *cobra.Command {
	o := ServeOptions{}
	var level, format string
	c := &cobra.Command{
		Use: "serve", Short: "Run the server: proxy, controller, API and dashboard",
		Long: `Run the server until it is interrupted: the proxy that splits the traffic, the
controller that carries rollouts, the API and the dashboard. SIGHUP reads the
services anew without dropping a connection. SIGUSR2 starts the program anew,
as it is installed now, and hands over to it: no request fails, and a rollout
under way goes on.`,
		Example: "  stagger serve -c stagger.yaml",
		Args:    cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			s.running = true
			if s.faces.Serve == nil {
				return missing("a server")
			}
			if err := o.LogLevel.UnmarshalText([]byte(level)); err != nil {
				return invalid("--log-level %s is not known; use debug, info, warn or error", level)
			}
			if format != outputText && format != outputJSON {
				return invalid("--log-format %s is not known; use text or json", format)
			}
			o.LogJSON = format == outputJSON
			return s.located(kindServer, s.faces.Serve(c.Context(), o))
		},
	}
	c.Flags().StringVarP(&o.Config, "config", "c", "stagger.yaml", "configuration `file`")
	c.Flags().DurationVar(&o.Linger, "linger", 10*time.Minute, "after a hand-over, how long connections that are open may go on at most")
	c.Flags().StringVar(&level, "log-level", "info", "least level that is logged: debug, info, warn or error")
	c.Flags().StringVar(&format, "log-format", outputText, "log `form`: text or json")
	return c
}
