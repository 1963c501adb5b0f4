// Package cli is the command line. A command asks a server through the client,
// shows what it answers as text or JSON, and ends with an exit code that
// scripts can rely on. It decides nothing itself; what it adds are words and
// hints for people.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
)

// Faces is what the command line cannot do by itself: it stands below the
// rooms that run a server or the demo. Nil functions refuse their command.
type Faces struct {
	Serve func(context.Context, ServeOptions) error
	Demo  func(context.Context, DemoOptions) error
	// DemoDefaults are the defaults of the demo's flags, and Scenarios what it
	// can tell.
	DemoDefaults DemoOptions
	Scenarios    []Scenario
	Version      string
	// Connect replaces the connection to a server; nil is client.New.
	Connect func(server, token string) (API, error)
	// Now replaces the clock; nil is time.Now.
	Now func() time.Time
}

// API is what commands ask of a server; *client.Client is one.
type API interface {
	Do(ctx context.Context, c stagger.Command) (stagger.Rollout, error)
	Services(ctx context.Context) ([]client.ServiceStatus, error)
	Rollouts(ctx context.Context, f client.Filter) ([]stagger.Rollout, error)
	Rollout(ctx context.Context, id string) (stagger.Rollout, error)
	Progress(ctx context.Context, id string) (stagger.Progress, error)
	Evidence(ctx context.Context, id string) (stagger.Path, error)
	Differences(ctx context.Context, id string) (stagger.Differences, error)
	History(ctx context.Context, id string) ([]stagger.Event, error)
	Stream(ctx context.Context, rollout, lastID string, f func(client.Message) error) error
	Verify(ctx context.Context) (client.Proof, error)
	Version(ctx context.Context) (string, error)
	Capture(ctx context.Context, service string, what client.Capture, to io.Writer) error
	PauseTraffic(ctx context.Context, service string, most time.Duration) error
	ResumeTraffic(ctx context.Context, service string) error
}

// DefaultServer is where a server is looked for when nothing else is said.
const DefaultServer = "http://127.0.0.1:7979"

// Run runs one command and returns its exit code. What went wrong is on stderr
// then, in one line and perhaps a hint.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, f Faces) int {
	s := newSession(f, stdin, stdout, stderr)
	root := s.root()
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if !s.running { // cobra refused what was typed
		err = usage(err)
	}
	return s.fail(ctx, command.CommandPath(), err)
}

// New returns the whole tree of commands, for those who look at it; Run is how
// to run one.
func New(f Faces) *cobra.Command {
	root := newSession(f, nil, io.Discard, io.Discard).root()
	root.InitDefaultCompletionCmd()
	return root
}

const about = `Stagger rolls out a new version of a service in stages, and takes it back by
itself when it does worse than the one before.

A ROLLOUT is an id, the beginning of one, its last four letters, or the name of
a service, which stands for its active rollout or else its newest. Where it may
be left out, the only active rollout is meant.

` + exitTable

func (s *session) root() *cobra.Command {
	root := &cobra.Command{
		Use: "stagger", Short: "Roll out in stages, judged by evidence, and back by itself",
		Long: about, SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error { return s.check() },
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	s.flags(root.PersistentFlags())
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupRollout, Title: "Roll out:"},
		&cobra.Group{ID: groupLook, Title: "Look:"},
		&cobra.Group{ID: groupJudge, Title: "Ask the judge:"},
		&cobra.Group{ID: groupLoad, Title: "Make load:"},
		&cobra.Group{ID: groupFiles, Title: "Files:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupRun, s.demo(), s.serve())
	add(groupRollout, s.start(), s.pause(), s.resume(), s.promote(), s.weight(), s.rollback(), s.abort(), s.review(), s.pauseTraffic(), s.resumeTraffic())
	add(groupLook, s.watch(), s.status(), s.list(), s.services(), s.evidence(), s.differences(), s.history(), s.verify())
	add(groupJudge, s.rejudge(), s.plan(), s.simulate())
	add(groupLoad, s.load(), s.capture())
	add(groupFiles, s.validate(), s.schema())
	root.AddCommand(s.version())
	return root
}

const (
	groupRun     = "run"
	groupRollout = "rollout"
	groupLook    = "look"
	groupJudge   = "judge"
	groupLoad    = "load"
	groupFiles   = "files"
)

// missing is the error of a command whose face was not given.
func missing(what string) error {
	return fmt.Errorf("this program was built without %s", what)
}

// usage marks what was typed wrongly.
func usage(err error) error {
	if e, ok := errors.AsType[*stagger.Error](err); ok {
		return e
	}
	return &stagger.Error{Code: stagger.CodeInvalid, Message: err.Error()}
}
