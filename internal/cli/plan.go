package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/preview"
	"github.com/stagger-dev/stagger/internal/recording"
	"github.com/stagger-dev/stagger/internal/risk"
)

// planOptions are the flags of plan.
type planOptions struct {
	file, config      string
	rate              float64
	harms             []string
	baseline, version string
	live              bool
	replicates        int
	seed              uint64
}

func (s *session) plan() *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use: "plan -f FILE", Short: "Forecast what each stage of a plan can see",
		Long: `Forecast, without touching anything, for each stage of a rollout file: how long
a harm takes to be suspected and to be rolled back, how many requests meet it
until then, and how long a healthy candidate takes to be proved so. What a stage
cannot see is said, with what would help.

Every time is told twice: simulated, by letting the judge itself watch many lives
drawn from the baseline, and by formula. The simulation counts; it is the same
for the same seed.

A harm is written errors=1% (the candidate fails so many requests), errors=3x (so
many times as many as the baseline), errors=+1% (so many more), p50=+10%, or p90, p95, p99, p99.9. A harm at
p50 makes every request slower, one at p99 only the slowest 5 in 100, in full
from the slowest 1 in 100 on.

How the baseline does comes from a recording as 'stagger judge' reads it, or from
a server that watches the service or has seen a rollout of it. Without either it
is assumed.`,
		Example: `  stagger plan -f rollout.yaml --rps 1200
  stagger plan -f rollout.yaml --baseline recording.jsonl --harm errors=1% --harm p99=+20%
  stagger plan -f rollout.yaml --from-server -o json`,
		Args: cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			s.running = true
			return s.foresee(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.file, "file", "f", "", "rollout `file`; - is the standard input")
	f.StringVar(&o.config, "config", "", "server `file` that the rollout must fit")
	f.Float64Var(&o.rate, "rps", 0, "requests per `second` that the service gets, in place of what was measured")
	f.StringArrayVar(&o.harms, "harm", nil, "a `harm` to forecast, may be repeated; else errors=3x, p99=+50% and p50=+10%")
	f.StringVar(&o.baseline, "baseline", "", "recording `file` of the baseline")
	f.StringVar(&o.version, "baseline-version", "baseline", "`name` of the baseline in the recording")
	f.BoolVar(&o.live, "from-server", false, "ask the server how the service does, or did in its last rollout")
	f.IntVar(&o.replicates, "replicates", 20, "lives to simulate for each stage and harm")
	f.Uint64Var(&o.seed, "seed", 1, "seed of all that is random")
	_ = c.MarkFlagRequired("file") // the flag is there
	return c
}

func (o planOptions) valid() error {
	inputs := 0
	for _, file := range []string{o.file, o.config, o.baseline} {
		if file == "-" {
			inputs++
		}
	}
	switch {
	case inputs > 1:
		return invalid("the standard input can be read once; name the other files")
	case o.baseline != "" && o.live:
		return invalid("--baseline and --from-server both say how the baseline does; leave one out")
	case o.rate < 0:
		return invalid("--rps %g is less than nothing; write how many requests a second the service gets", o.rate)
	}
	return nil
}

// foresee forecasts the plan of a file.
func (s *session) foresee(ctx context.Context, o planOptions) error {
	if err := o.valid(); err != nil {
		return err
	}
	start, err := s.planned(o)
	if err != nil {
		return err
	}
	q := risk.Question{Plan: start.Plan, Replicates: o.replicates, Seed: o.seed}
	q.Baseline, q.Rate, err = s.baselineOf(ctx, start.Service, o)
	if err != nil {
		return err
	}
	if q.Harms, err = harmsOf(o.harms, q); err != nil {
		return err
	}
	if err := q.Check(); err != nil {
		return invalid("%v", err)
	}
	stages, err := preview.Stages(ctx, q, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	out := preview.Of(start, q, stages)
	return s.show(out, func() error { return s.writeOutlook(out) })
}

// planned reads the rollout file and holds it against the server file.
func (s *session) planned(o planOptions) (stagger.Start, error) {
	data, err := s.readFile(o.file)
	if err != nil {
		return stagger.Start{}, err
	}
	start, err := config.ParseRollout(o.file, data)
	if err != nil {
		return stagger.Start{}, s.located(kindRollout, err)
	}
	if o.config == "" {
		return start, nil
	}
	if data, err = s.readFile(o.config); err != nil {
		return stagger.Start{}, err
	}
	server, err := config.ParseServer(o.config, data)
	if err != nil {
		return stagger.Start{}, s.located(kindServer, err)
	}
	all := stagger.Abilities{Precision: 1, Sticky: true, Header: true, Cookie: true, Claim: true}
	return start, config.Check(start, server.Services, all)
}

// harmsOf reads the harms that were named, or takes the usual ones that the
// plan guards against.
func harmsOf(texts []string, q risk.Question) ([]risk.Harm, error) {
	if len(texts) == 0 {
		return q.Usually(), nil
	}
	var harms []risk.Harm
	for _, text := range texts {
		h, err := risk.ParseHarm(text)
		if err != nil {
			return nil, invalid("--harm %v", err)
		}
		harms = append(harms, h)
	}
	return harms, nil
}

// baselineOf finds out how the baseline does and how much traffic there is.
func (s *session) baselineOf(ctx context.Context, service string, o planOptions) (b risk.Baseline, rate float64, err error) {
	switch {
	case o.baseline != "":
		b, rate, err = s.profile(ctx, o)
	case o.live:
		b, rate, err = s.seen(ctx, service)
	default:
		b = risk.Usual()
	}
	if o.rate > 0 {
		rate = o.rate
	}
	if err == nil && rate <= 0 {
		err = invalid("nobody knows how many requests the service gets; give --rps, --baseline or --from-server")
	}
	return b, rate, err
}

// profile measures the baseline in a recording.
func (s *session) profile(ctx context.Context, o planOptions) (risk.Baseline, float64, error) {
	source, done, err := s.source(o.baseline)
	if err != nil {
		return risk.Baseline{}, 0, err
	}
	defer done()
	var p recording.Profile
	problems := 0
	for tick, err := range recording.All(source, o.version) {
		if wrong, ok := errors.AsType[*recording.Problem](err); ok {
			s.complain("%s", wrong)
			if problems++; problems == mostProblems {
				break
			}
			continue
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return risk.Baseline{}, 0, err
		}
		p.Add(tick)
	}
	if err := unsound(problems); err != nil {
		return risk.Baseline{}, 0, err
	}
	if p.Requests == 0 {
		return risk.Baseline{}, 0, invalid("%s has no request of version %s; name another with --baseline-version", o.baseline, o.version)
	}
	b := risk.Baseline{Errors: float64(p.Failed) / float64(p.Requests), Latency: risk.CurveOf(p.Latency)}
	b.Source = fmt.Sprintf("measured on %s requests of %s", present.Count(p.Requests), o.baseline)
	return b, float64(p.All) / p.Seconds, nil
}

// seen asks the server how the service does.
func (s *session) seen(ctx context.Context, service string) (risk.Baseline, float64, error) {
	api, err := s.connect()
	if err != nil {
		return risk.Baseline{}, 0, err
	}
	witness := preview.Witness{
		Statuses: api.Services, Progress: api.Progress,
		Last: func(ctx context.Context, service string) (stagger.Rollout, bool, error) {
			return findOfService(ctx, api, service)
		},
	}
	b, rate, err := witness.Of(ctx, service)
	if stagger.CodeOf(err) == stagger.CodeNotFound {
		err = advise(err, "--rps says how much traffic there is, --baseline how the baseline does")
	}
	return b, rate, err
}

func (s *session) writeOutlook(o preview.Outlook) error {
	b := o.Baseline
	if err := s.print("%s → %s at %s requests/s\nbaseline: %s errors, p50 %s, p95 %s, p99 %s (%s)\n%d lives a row, seed %d; times are medians from the stage's beginning\n\n",
		o.Service, o.Candidate, present.Rate(o.Rate), present.Share(b.Errors), present.Latency(b.P50), present.Latency(b.P95), present.Latency(b.P99), b.Source,
		o.Replicates, o.Seed); err != nil {
		return err
	}
	var t table
	t.add("STAGE", "MEETS", "IF", "SUSPECT", "DECIDED", "90% BY", "FORMULA", "IN TIME", "EXPOSED", "FAILED")
	for _, f := range o.Stages {
		meets := present.Rate(f.Rate) + "/s"
		t.add(f.Stage, meets, "healthy", present.Unknown, present.Moment(f.Healthy.Median), present.Moment(f.Healthy.P90), present.Moment(f.Healthy.Formula),
			way(f.Healthy.Share), present.Unknown, present.Unknown)
		for _, p := range f.Prospect {
			t.add("", "", p.Harm, present.Moment(p.Suspect.Median), present.Moment(p.Rollback.Median), present.Moment(p.Rollback.P90),
				present.Moment(p.Suspect.Formula)+" / "+present.Moment(p.Rollback.Formula), way(p.Rollback.Share),
				present.Count(uint64(p.Exposed)), present.Count(uint64(p.Failed)))
		}
	}
	if err := s.print("%s", &t); err != nil {
		return err
	}
	if o.Expected > 0 {
		if err := s.print("\na healthy candidate is everybody's, and baked, after about %s\n", present.Span(seconds(o.Expected))); err != nil {
			return err
		}
	}
	return s.writeNotes(o.Stages)
}

// writeNotes says what stages cannot see, each note under its stage.
func (s *session) writeNotes(stages []risk.Forecast) error {
	var b strings.Builder
	for _, f := range stages {
		for _, note := range f.Notes {
			fmt.Fprintf(&b, "%s %s: %s\n", s.style().Tone(present.Warn, "!"), f.Stage, note)
		}
	}
	if b.Len() == 0 {
		return s.print("\nevery stage sees all of it in time\n")
	}
	return s.print("\n%s", b.String())
}
