package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/recording"
)

// The answers to how far a recording is judged.
const (
	untilEnd      = "end"
	untilDecision = "decision"
)

// judgeOptions are the flags of judge.
type judgeOptions struct {
	input, baselineFile, candidateFile string
	rollout                            string
	names                              recording.Names
	until                              string
	json                               bool
}

func (s *session) rejudge() *cobra.Command {
	o := judgeOptions{}
	c := &cobra.Command{
		Use: "judge {--input FILE | --baseline-file FILE --candidate-file FILE}", Short: "Judge recorded data as a rollout would have been",
		Long: `Show what two versions did to the judge of live rollouts, without a server, and
tell each decision with its time. A recording is JSON Lines, one object per
interval, version and route:

    {"at":"2026-01-02T03:04:05Z","version":"candidate","route":"/","started":120,
     "failed":1,"unfinished":0,"latency":{"schema":5,"buckets":{"-130":4,"-129":115}}}

on one line, "at" being the start of the interval. "latency_seconds":[0.012,...]
may stand in place of latency, and "seconds" gives the length of the interval;
else it is the smallest gap between times, or a second. An interval without
traffic has "started":0; one that a version lacks is missing telemetry. The guide
to recorded data tells of "host", "proxy", "gauges", "counts", "arrived", "share".

With --baseline-file and --candidate-file two recordings made at different times
are compared, such as two load tests: each is counted from its own first line,
and what is as far from it is compared. They must have the same interval and
run equally long, and no incident may have struck one alone.

Harm within two blocks of five seconds is forgiven as a blip: what has fewer
than three intervals can be suspect, but not regressed.

The exit code is 0 for healthy, 10 for regressed, 14 for inconclusive and 15 for
blind. With -o json each line is an object: {"decision": ...} as it falls, and
{"summary": ...} at the end.`,
		Example: `  stagger judge --input recording.jsonl
  stagger judge --input - --rollout rollout.yaml --until decision -o json < recording.jsonl
  stagger judge --baseline-file main.jsonl --candidate-file branch.jsonl`,
		Args: cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			s.running = true
			if o.json {
				s.output = outputJSON
			}
			return s.retry(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.input, "input", "", "recording `file` of both versions; - is the standard input")
	f.StringVar(&o.baselineFile, "baseline-file", "", "recording `file` of the baseline alone")
	f.StringVar(&o.candidateFile, "candidate-file", "", "recording `file` of the candidate alone")
	f.StringVar(&o.names.Baseline, "baseline", "baseline", "`name` of the baseline in the recording")
	f.StringVar(&o.names.Candidate, "candidate", "candidate", "`name` of the candidate in the recording")
	f.StringVar(&o.rollout, "rollout", "", "rollout `file` whose guardrails are used; else those of the standard plan")
	f.StringVar(&o.until, "until", untilEnd, "read to the `end`, or to the first decision: healthy or regressed")
	f.BoolVar(&o.json, "json", false, "as -o json")
	_ = c.RegisterFlagCompletionFunc("until", cobra.FixedCompletions([]cobra.Completion{untilEnd, untilDecision}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// valid refuses what does not go together.
func (o judgeOptions) valid() error {
	pair := o.baselineFile != "" || o.candidateFile != ""
	inputs := 0
	for _, file := range []string{o.input, o.baselineFile, o.candidateFile, o.rollout} {
		if file == "-" {
			inputs++
		}
	}
	switch {
	case o.input == "" && !pair:
		return invalid("there is nothing to judge; give --input, or --baseline-file and --candidate-file")
	case o.input != "" && pair:
		return invalid("--input has both versions; leave out --baseline-file and --candidate-file, or it")
	case pair && (o.baselineFile == "" || o.candidateFile == ""):
		return invalid("--baseline-file and --candidate-file belong together; give both")
	case inputs > 1:
		return invalid("the standard input can be read once; name the other files")
	case o.until != untilEnd && o.until != untilDecision:
		return invalid("--until %s is not known; use end or decision", o.until)
	case o.names.Baseline == o.names.Candidate:
		return invalid("--baseline and --candidate are both %q; give each its name", o.names.Baseline)
	}
	return nil
}

// retry judges what was recorded.
func (s *session) retry(ctx context.Context, o judgeOptions) error {
	if err := o.valid(); err != nil {
		return err
	}
	plan, err := s.planOf(o.rollout)
	if err != nil {
		return err
	}
	ticks, done, err := s.recorded(o)
	if err != nil {
		return err
	}
	defer done()
	h := recording.NewHearing(recording.Case{
		Names: o.names, Guardrails: plan.Guardrails, Planned: planned(plan), BlindAfter: plan.Blind.After, WarmUp: plan.WarmUp,
	})
	if err := s.hear(ctx, h, ticks, o.until == untilDecision); err != nil {
		return err
	}
	return s.conclude(h.Summary())
}

// planOf reads the plan of a rollout file; without one it is the standard plan.
func (s *session) planOf(file string) (stagger.Plan, error) {
	if file == "" {
		return config.Standard(), nil
	}
	data, err := s.readFile(file)
	if err != nil {
		return stagger.Plan{}, err
	}
	start, err := config.ParseRollout(file, data)
	if err != nil {
		return stagger.Plan{}, s.located(kindRollout, err)
	}
	return start.Plan, nil
}

// planned is how long a rollout by the plan is meant to take, as the controller
// has it.
func planned(p stagger.Plan) time.Duration {
	all := p.Bake.Time
	for _, stage := range p.Stages {
		all += 2 * stage.MinTime
	}
	return all
}

// recorded opens what is to be judged; done closes it.
func (s *session) recorded(o judgeOptions) (ticks iter.Seq2[recording.Tick, error], done func(), err error) {
	if o.input != "" {
		source, done, err := s.source(o.input)
		if err != nil {
			return nil, nil, err
		}
		return recording.Ticks(source, o.names), done, nil
	}
	a, doneA, err := s.source(o.baselineFile)
	if err != nil {
		return nil, nil, err
	}
	b, doneB, err := s.source(o.candidateFile)
	if err != nil {
		doneA()
		return nil, nil, err
	}
	return recording.Aligned(a, b), func() { doneA(); doneB() }, nil
}

// hear shows ticks to the judge and tells what it decides, until the end or the
// first decision that settles the case. After a problem it only looks for more.
func (s *session) hear(ctx context.Context, h *recording.Hearing, ticks iter.Seq2[recording.Tick, error], early bool) error {
	problems := 0
	for tick, err := range ticks {
		if p, ok := errors.AsType[*recording.Problem](err); ok {
			s.complain("%s", p)
			if problems++; problems == mostProblems {
				break
			}
			continue
		}
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if problems > 0 {
			continue
		}
		if settled, err := s.tellDecisions(h.Hear(tick), early); settled || err != nil {
			return err
		}
	}
	return unsound(problems)
}

// tellDecisions writes decisions as they fall. Early, it ends with one that
// settles the case.
func (s *session) tellDecisions(ds []recording.Decision, early bool) (settled bool, err error) {
	for _, d := range ds {
		if err := s.tellDecision(d); err != nil {
			return false, err
		}
		if early && d.Kind.Final() {
			return true, nil
		}
	}
	return false, nil
}

func (s *session) tellDecision(d recording.Decision) error {
	if s.json() {
		return s.encode(map[string]recording.Decision{"decision": d})
	}
	sign := kindSign(d.Kind)
	head := s.style().Tone(sign.Tone, fmt.Sprintf("%s %-12s", sign.Symbol, sign.Words))
	return s.print("%s  %-8s  %s  %s\n", d.At.Format("2006-01-02 15:04:05"), "+"+present.Span(seconds(d.After)), head, d.Sentence)
}

// kindSign is how a decision is shown.
func kindSign(k recording.Kind) present.Sign {
	switch k {
	case recording.KindHealthy, recording.KindRegressed, recording.KindBlind, recording.KindInconclusive:
		return present.Outcome(stagger.Outcome(k))
	case recording.KindShed:
		return present.Kind(stagger.EventShed)
	case recording.KindCleared:
		return present.Kind(stagger.EventCleared)
	case recording.KindAlert, recording.KindSuspect:
	}
	return present.Finding(stagger.Finding{Suspect: 1})
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

// encode writes v as one line of JSON.
func (s *session) encode(v any) error {
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// judged is the last line of a recording that is judged as JSON.
type judged struct {
	recording.Summary

	Exit int `json:"exit"`
}

// conclude tells the verdict and ends with its exit code.
func (s *session) conclude(sum recording.Summary) error {
	code := verdictCode(sum.Outcome)
	if err := s.tellSummary(sum, code); err != nil {
		return err
	}
	if code == exitOK {
		return nil
	}
	return &exit{code: code}
}

func (s *session) tellSummary(sum recording.Summary, code int) error {
	if s.json() {
		return s.encode(map[string]judged{"summary": {Summary: sum, Exit: code}})
	}
	for _, w := range sum.Warnings {
		s.complain("warning: %s", w)
	}
	v := sum.Verdict
	if err := s.print("\n%s\n%s  %s\n", findings(s.style(), v.Findings), s.style().Sign(present.Outcome(v.Outcome)), v.Sentence); err != nil {
		return err
	}
	span := sum.To.Sub(sum.From)
	if proved, ok := sum.First[recording.KindRegressed]; ok {
		span = seconds(proved) // the verdict is that of the proof
	}
	return s.print("%s baseline and %s candidate requests in %s\n",
		present.Count(v.Baseline.Requests), present.Count(v.Candidate.Requests), present.Span(span))
}
