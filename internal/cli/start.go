package cli

import (
	"cmp"
	"time"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// startOptions are the flags of start.
type startOptions struct {
	file, reason, key string
	wait              bool
	timeout           time.Duration
	over              stagger.Start // what the flags say in place of the file
}

func (s *session) start() *cobra.Command {
	var o startOptions
	c := &cobra.Command{
		Use: "start -f FILE", Short: "Start a rollout",
		Long: `Start a rollout as a file says; flags say it in place of the file. An active
rollout of the same service gives way to it and is superseded, unless it is of
the same candidate: that one is refused.

With --wait every event is printed as it happens, and the exit code tells the
outcome. With -o json each line is an object then: {"event": ...} as it
happens, and {"result": ...} at the end.`,
		Example: `  stagger start -f rollout.yaml --wait --timeout 2h
  stagger start -f rollout.yaml --candidate v42 --commit 4f2a91c -o json`,
		Args: cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: s.runs(func(c *cobra.Command, api API, _ []string) error { return s.begin(c, api, o) }),
	}
	f := c.Flags()
	f.StringVarP(&o.file, "file", "f", "", "rollout `file`; - is the standard input")
	f.StringVar(&o.over.Service, "service", "", "the service")
	f.StringVar(&o.over.Candidate, "candidate", "", "the `version` on trial")
	f.StringVar(&o.over.Change.Commit, "commit", "", "commit of the change")
	f.StringVar(&o.over.Change.Author, "author", "", "author of the change")
	f.StringVar(&o.over.Change.Ticket, "ticket", "", "ticket of the change")
	f.StringVar(&o.over.Change.Summary, "summary", "", "what changes, in a line")
	f.StringVar(&o.reason, "reason", "", "why it starts, for the history")
	f.StringVar(&o.key, "key", "", "idempotency `key`: a start that is repeated with it starts once")
	f.BoolVar(&o.wait, "wait", false, "wait until it is over")
	f.DurationVar(&o.timeout, "timeout", 0, "wait at most so long; 0 is for ever")
	_ = c.MarkFlagRequired("file") // the flag is there
	_ = c.RegisterFlagCompletionFunc("service", func(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return s.completeServices(c), cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

// begin reads the file, starts and perhaps waits.
func (s *session) begin(c *cobra.Command, api API, o startOptions) error {
	data, err := s.readFile(o.file)
	if err != nil {
		return err
	}
	start, err := config.ParseRollout(o.file, data)
	if err != nil {
		return s.located(kindRollout, err)
	}
	start = o.apply(start)
	r, err := api.Do(c.Context(), stagger.Command{
		ID: o.key, Verb: stagger.VerbStart, Service: start.Service, Start: &start, Actor: s.actor(), Reason: o.reason,
	})
	if err != nil {
		return err
	}
	if o.wait {
		return s.follow(c.Context(), api, r, followOptions{timeout: o.timeout})
	}
	return s.show(r, func() error {
		return s.print("%s\n%s → %s of %s begins\nhint: 'stagger watch %s' shows it\n", r.ID, r.Baseline, r.Candidate, r.Service, r.ID)
	})
}

// apply puts what the flags say into start.
func (o startOptions) apply(start stagger.Start) stagger.Start {
	start.Service = cmp.Or(o.over.Service, start.Service)
	start.Candidate = cmp.Or(o.over.Candidate, start.Candidate)
	start.Change.Commit = cmp.Or(o.over.Change.Commit, start.Change.Commit)
	start.Change.Author = cmp.Or(o.over.Change.Author, start.Change.Author)
	start.Change.Ticket = cmp.Or(o.over.Change.Ticket, start.Change.Ticket)
	start.Change.Summary = cmp.Or(o.over.Change.Summary, start.Change.Summary)
	return start
}
