package cli

import (
	"cmp"
	"runtime"

	"github.com/spf13/cobra"
)

// versions is what version tells.
type versions struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Server   string `json:"server,omitempty"` // with --remote only
}

func (s *session) version() *cobra.Command {
	var remote bool
	c := &cobra.Command{
		Use: "version", Short: "Print the version",
		Args: cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			s.running = true
			v := versions{Version: cmp.Or(s.faces.Version, "devel"), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if remote {
				api, err := s.connect()
				if err != nil {
					return err
				}
				if v.Server, err = api.Version(c.Context()); err != nil {
					return err
				}
			}
			return s.show(v, func() error { return s.writeVersion(v) })
		},
	}
	c.Flags().BoolVar(&remote, "remote", false, "of the server, too")
	return c
}

func (s *session) writeVersion(v versions) error {
	if err := s.print("stagger %s (%s, %s)\n", v.Version, v.Go, v.Platform); err != nil || v.Server == "" {
		return err
	}
	return s.print("server %s at %s\n", v.Server, s.address())
}
