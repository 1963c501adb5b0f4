package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/load"
	"github.com/stagger-dev/stagger/internal/scenario"
)

// loadOptions are the flags of load.
type loadOptions struct {
	file, profile, path, method, body, edges, stop string
	rate, from, speed                              float64
	length, every, burst, timeout                  time.Duration
	steps, inFlight                                int
	users, seed                                    uint64
	headers, expect, checks                        []string
	contains, replay, record                       string
	even, loop, h2, remote, insecure               bool
}

func (s *session) load() *cobra.Command {
	var o loadOptions
	c := &cobra.Command{
		Use: "load [TARGET...]", Short: "Send requests as users would, and report how they fared",
		Long: `Send requests to a target, http://host:port, and report how long they took.

The load is open: requests leave when they are due, whether or not earlier ones
have come back, and each is timed from when it was due. So a target that stalls
keeps its users waiting in the report as it would in life. How late the load
itself was is told apart, so that nobody blames the target for it.

The rate goes as --profile says: constant, ramp, steps, peak, day or bursts, up
to --rate and from --from. Requests come at random as those of many people do,
or evenly with --even. A file with -f says more: several requests with weights,
users, edge cases, checks; flags come before what it says. --replay makes
captured requests again, at their own rhythm.

Only this machine is a target, unless --yes-remote is said: load only what is
yours. It ends with 16 if a --check failed or --stop-errors ended it.`,
		Example: `  stagger load http://127.0.0.1:8080 --rate 200 --for 30s
  stagger load http://127.0.0.1:8080 --profile peak --from 20 --rate 500 --for 5m --check p99=250ms --check errors=1%
  stagger load -f load.yaml -o json
  stagger load http://127.0.0.1:8080 --replay traffic.jsonl --speed 2 --header 'X-User: user-{user}'`,
		ValidArgsFunction: nothing,
		RunE: func(c *cobra.Command, args []string) error {
			s.running = true
			return s.makeLoad(c.Context(), o, c.Flags(), args)
		},
	}
	o.shapeFlags(c.Flags())
	o.requestFlags(c.Flags())
	_ = c.RegisterFlagCompletionFunc("profile", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return scenario.Profiles, cobra.ShellCompDirectiveNoFileComp
	}) // the flag is there
	return c
}

func (o *loadOptions) shapeFlags(f *pflag.FlagSet) {
	d := config.DefaultLoad()
	f.StringVarP(&o.file, "file", "f", "", "load `file` that says more")
	f.Float64Var(&o.rate, "rate", d.Profile.To, "requests per second, or the height of the profile")
	f.DurationVar(&o.length, "for", d.Profile.Length, "how long, at most 24h; a replay as long as it takes")
	f.StringVar(&o.profile, "profile", d.Profile.Kind, "how the rate goes: "+strings.Join(scenario.Profiles, ", "))
	f.Float64Var(&o.from, "from", 0, "the other rate of the profile")
	f.IntVar(&o.steps, "steps", d.Profile.Steps, "how many `steps` of the profile steps")
	f.DurationVar(&o.every, "every", d.Profile.Every, "from one burst to the next")
	f.DurationVar(&o.burst, "burst", d.Profile.Burst, "how long a burst lasts")
	f.BoolVar(&o.even, "even", false, "requests come evenly")
	f.StringVar(&o.replay, "replay", "", "`file` of captured requests to make again")
	f.Float64Var(&o.speed, "speed", 1, "how much faster a replay is")
	f.BoolVar(&o.loop, "loop", false, "a replay begins anew until --for is over")
	f.StringVar(&o.record, "record", "", "`file` to write what 'stagger judge' reads to")
	f.Uint64Var(&o.seed, "seed", d.Seed, "seed of all that is left to chance")
}

func (o *loadOptions) requestFlags(f *pflag.FlagSet) {
	d := config.DefaultLoad()
	f.StringVar(&o.path, "path", "/", "path and query; {user}, {n} and {random} are numbers")
	f.StringVar(&o.method, "method", "GET", "method")
	f.StringVar(&o.body, "body", "", "body, or @`FILE`")
	f.StringArrayVar(&o.headers, "header", nil, "header, '`Name: value`', with the same places as --path")
	f.Uint64Var(&o.users, "users", d.Users, "how many people the requests come from")
	f.StringSliceVar(&o.expect, "expect", nil, "`statuses` an answer may have, such as 2xx,404")
	f.StringVar(&o.contains, "contains", "", "`text` an answer must hold")
	f.StringVar(&o.edges, "edge-cases", "", "`share` of requests that are edge cases, such as 5%")
	f.StringArrayVar(&o.checks, "check", nil, "what must hold at the end, such as `errors=1%` or p99=250ms")
	f.StringVar(&o.stop, "stop-errors", "", "give up when more than this `share` of requests fails over ten seconds")
	f.IntVar(&o.inFlight, "in-flight", d.InFlight, "requests under way at once at most")
	f.DurationVar(&o.timeout, "timeout", d.Timeout, "until a request has failed")
	f.BoolVar(&o.h2, "http2", false, "HTTP/2, without TLS where the target has none")
	f.BoolVar(&o.insecure, "insecure", false, "take any certificate")
	f.BoolVar(&o.remote, "yes-remote", false, "targets may be other machines, and they are mine to load")
}

// makeLoad runs the load and reports.
func (s *session) makeLoad(ctx context.Context, o loadOptions, f *pflag.FlagSet, targets []string) error {
	job, err := s.job(o, f, targets)
	if err != nil {
		return err
	}
	finish, err := s.recordTo(o.record, &job)
	if err != nil {
		return err
	}
	screen := s.loadScreen()
	report, err := job.Run(ctx, screen.show)
	screen.clear()
	if recorded := finish(report); err == nil {
		err = recorded
	}
	if load.IsRemote(err) {
		return advise(invalid("%v", err), "--yes-remote lets load leave this machine; load only what is yours")
	}
	if err != nil {
		return usage(err)
	}
	if err := s.show(report, func() error { return s.writeLoad(job, report) }); err != nil {
		return err
	}
	switch {
	case report.Interrupted:
		return &exit{code: exitInterrupted, message: "interrupted; the report is of what was made until then"}
	case report.Stopped != "":
		return &exit{code: exitUnkept, message: "given up: " + report.Stopped}
	case !report.Kept():
		return &exit{code: exitUnkept, message: "a check failed"}
	}
	return nil
}

// recordTo lets a job be recorded, if a file is named; finish writes it.
func (s *session) recordTo(file string, job *load.Job) (finish func(load.Report) error, err error) {
	if file == "" {
		return func(load.Report) error { return nil }, nil
	}
	to, end, err := s.create(file)
	if err != nil {
		return nil, err
	}
	job.Record = &load.Recording{}
	return func(r load.Report) error {
		return errors.Join(job.Record.Write(to, r.Began, time.Duration(r.Seconds*float64(time.Second))), end())
	}, nil
}

// job makes of the file and the flags what is to be run.
func (s *session) job(o loadOptions, f *pflag.FlagSet, targets []string) (load.Job, error) {
	l := config.DefaultLoad()
	if o.file != "" {
		data, err := s.readFile(o.file)
		if err != nil {
			return load.Job{}, err
		}
		if l, err = config.ParseLoad(o.file, data); err != nil {
			return load.Job{}, s.located(kindLoad, err)
		}
	}
	if len(targets) > 0 {
		l.Targets = targets
	}
	if len(l.Targets) == 0 {
		return load.Job{}, invalid("there is no target; write one such as http://127.0.0.1:8080")
	}
	if err := o.override(&l, f); err != nil {
		return load.Job{}, usage(err)
	}
	if err := s.bodies(&l, filepath.Dir(o.file)); err != nil {
		return load.Job{}, err
	}
	job := load.Job{Remote: o.remote, Insecure: o.insecure, Agent: "stagger-load/" + cmp.Or(s.faces.Version, "dev")}
	if err := s.replay(o, f, &l, &job); err != nil {
		return load.Job{}, err
	}
	var err error
	if l.Shape, err = l.Profile.Shape(); err != nil {
		return load.Job{}, usage(err)
	}
	if l.Requests, err = scenario.Mixed(l.Requests, l.Edges, l.EdgeNames); err != nil {
		return load.Job{}, usage(err)
	}
	job.Scenario = l.Scenario
	return job, nil
}

// override lets the flags that were typed come before the file.
func (o *loadOptions) override(l *config.Load, f *pflag.FlagSet) error {
	for name, take := range map[string]func(){
		"rate": func() { l.Profile.To = o.rate }, "for": func() { l.Profile.Length = o.length },
		"profile": func() { l.Profile.Kind = o.profile }, "from": func() { l.Profile.From = o.from },
		"steps": func() { l.Profile.Steps = o.steps }, "every": func() { l.Profile.Every = o.every },
		"burst": func() { l.Profile.Burst = o.burst }, "even": func() { l.Even = o.even },
		"seed": func() { l.Seed = o.seed }, "users": func() { l.Users = o.users },
		"in-flight": func() { l.InFlight = o.inFlight }, "timeout": func() { l.Timeout = o.timeout },
		"http2": func() { l.HTTP2 = o.h2 },
	} {
		if f.Changed(name) {
			take()
		}
	}
	if err := o.request(l, f); err != nil {
		return err
	}
	for _, text := range o.checks {
		limit, err := config.ParseLimit(text)
		if err != nil {
			return fmt.Errorf("--check %w", err)
		}
		l.Limits = append(l.Limits, limit)
	}
	var err error
	if o.edges != "" {
		if l.Edges, err = config.ParseShare(o.edges); err != nil {
			return fmt.Errorf("--edge-cases: %w", err)
		}
	}
	if o.stop != "" {
		if l.Stop.Errors, err = config.ParseShare(o.stop); err != nil {
			return fmt.Errorf("--stop-errors: %w", err)
		}
	}
	return nil
}

// request makes the one request that the flags tell of, if they do; headers go
// with every request.
func (o *loadOptions) request(l *config.Load, f *pflag.FlagSet) error {
	var common []scenario.Field
	for _, line := range o.headers {
		field, err := config.ParseHeader(line)
		if err != nil {
			return fmt.Errorf("--header %w", err)
		}
		common = append(common, field)
	}
	for _, name := range []string{"path", "method", "body", "expect", "contains"} {
		if !f.Changed(name) {
			continue
		}
		one, err := o.single()
		if err != nil {
			return err
		}
		l.Requests, l.BodyFiles = []scenario.Request{one}, nil
		if file, ok := strings.CutPrefix(o.body, "@"); ok {
			l.BodyFiles = map[string]string{one.Name: file}
		}
		break
	}
	for i := range l.Requests {
		l.Requests[i].Header = config.WithHeaders(common, l.Requests[i].Header)
	}
	return nil
}

// single is the request of the flags.
func (o *loadOptions) single() (scenario.Request, error) {
	one := scenario.Request{Name: "all", Weight: 1, Method: o.method, Path: scenario.NewTemplate(o.path), Body: scenario.NewTemplate(o.body)}
	if strings.HasPrefix(o.body, "@") {
		one.Body = scenario.Template{}
	}
	one.Expect.Contains = o.contains
	for _, text := range o.expect {
		status, err := scenario.ParseStatuses(text)
		if err != nil {
			return one, fmt.Errorf("--expect: %w", err)
		}
		one.Expect.Status = append(one.Expect.Status, status)
	}
	return one, nil
}

// bodies reads the files that hold bodies, which lie beside the load file.
func (s *session) bodies(l *config.Load, dir string) error {
	for i := range l.Requests {
		file, ok := l.BodyFiles[l.Requests[i].Name]
		if !ok {
			continue
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		data, err := s.readFile(file)
		if err != nil {
			return err
		}
		l.Requests[i].Body = scenario.NewTemplate(string(data))
	}
	return nil
}

// replay reads the capture to replay, if there is one, and lets the run last as
// long as it does unless something else was said.
func (s *session) replay(o loadOptions, f *pflag.FlagSet, l *config.Load, job *load.Job) error {
	if o.replay == "" {
		return nil
	}
	file, err := os.Open(o.replay)
	if err != nil {
		return invalid("%v", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	replay, err := load.ReadReplay(file)
	if err != nil {
		return invalid("%s: %v", o.replay, err)
	}
	if !(o.speed > 0) || math.IsInf(o.speed, 0) {
		return invalid("--speed %g is no speed; write more than 0", o.speed)
	}
	replay.Speed, replay.Loop = o.speed, o.loop
	for _, r := range l.Requests[:min(len(l.Requests), 1)] {
		replay.Header = r.Header
	}
	l.Edges = 0
	l.Profile = scenario.Profile{Kind: scenario.Constant, To: 1, Length: l.Profile.Length}
	if !f.Changed("for") {
		l.Profile.Length = min(replay.Length(), scenario.MaxLength)
	}
	job.Replay = replay
	return nil
}
