package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli/live"
	"github.com/stagger-dev/stagger/internal/simulate"
)

// simulateOptions are the flags of simulate.
type simulateOptions struct {
	file, model, share string
	rps, hours         float64
	runs               int
	seed               uint64
	list               bool
}

// simulatedHosts is how many hosts answer, both versions together.
const simulatedHosts = 20

// mostRuns bounds how many lives one command simulates.
const mostRuns = 1_000_000

func (s *session) simulate() *cobra.Command {
	var o simulateOptions
	c := &cobra.Command{
		Use: "simulate", Short: "Measure a plan's guardrails on traffic that never was",
		Long: `Let many simulated candidates live under the guardrails of a plan, without a
server, and measure how often and how soon the judge holds, sheds, rolls back or
calls a stage healthy. So you learn what a tolerance costs in delay, and
how often a change that is fine would be taken back, before you roll out.

Requests arrive at random; one in a thousand fails, and latency is log-normal
with a median of 20 ms and a p99 of 205 ms. The MODEL says what is different,
and by how much: "errors=0.3%", "p99=20%", "blip=10"; --list lists the models.
The judge looks each second. Delays count from the first request that meets
the candidate, or from the moment its harm begins. In the models that climb,
the candidate's share goes through the plan's stages in equal times.

The same seed gives the same lives. An interrupt shows what is known so far.`,
		Example: `  stagger simulate
  stagger simulate -f rollout.yaml --model errors=0.3% --rps 200 --hours 6
  stagger simulate --model p99=20% --share 25 --runs 1000 -o json`,
		Args: cobra.NoArgs, ValidArgsFunction: nothing,
		RunE: func(c *cobra.Command, _ []string) error {
			s.running = true
			if o.list {
				return s.showModels()
			}
			return s.measure(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.file, "file", "f", "", "rollout `file` whose plan is tried; else the standard plan")
	f.StringVar(&o.model, "model", "healthy", "the `model`, and perhaps its size: NAME or NAME=SIZE")
	f.Float64Var(&o.rps, "rps", 1000, "requests per second, both versions")
	f.StringVar(&o.share, "share", "5", "`percent` of them that meet the candidate")
	f.Float64Var(&o.hours, "hours", 1, "how long one life lasts")
	f.IntVar(&o.runs, "runs", 200, "how many lives")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the first life; the others follow")
	f.BoolVar(&o.list, "list", false, "list the models")
	_ = c.RegisterFlagCompletionFunc("model", completeModels) // the flag is there
	return c
}

func completeModels(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, m := range simulate.Names() {
		names = append(names, cobra.CompletionWithDesc(m.Name, m.Summary))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// modelEntry is a model for machines.
type modelEntry struct {
	Name    string         `json:"name"`
	Summary string         `json:"summary"`
	Truth   simulate.Truth `json:"truth"`
}

func (s *session) showModels() error {
	var (
		list []modelEntry
		t    table
	)
	for _, m := range simulate.Names() {
		list = append(list, modelEntry{m.Name, m.Summary, m.Truth})
		t.add(m.Name, m.Summary)
	}
	return s.show(map[string][]modelEntry{"models": list}, func() error { return s.print("%s", &t) })
}

// trial makes what is to be simulated of the flags and the plan.
func (s *session) trial(o simulateOptions) (simulate.Trial, error) {
	model, err := simulate.Parse(o.model)
	if err != nil {
		return simulate.Trial{}, advise(invalid("--model: %v", err), "'stagger simulate --list' shows the models")
	}
	share, err := stagger.ParseWeight(o.share)
	if err != nil {
		return simulate.Trial{}, usage(fmt.Errorf("--share: %w", err))
	}
	if !(o.hours > 0 && o.hours <= 1000) {
		return simulate.Trial{}, invalid("--hours %g cannot be simulated; write more than 0, and 1000 at most", o.hours)
	}
	if o.runs < 1 || o.runs > mostRuns {
		return simulate.Trial{}, invalid("--runs %d cannot be simulated; write 1 to %d", o.runs, mostRuns)
	}
	plan, err := s.planOf(o.file)
	if err != nil {
		return simulate.Trial{}, err
	}
	t := simulate.Trial{
		Model: model, Rate: o.rps, Share: share.Share(), Length: time.Duration(o.hours * float64(time.Hour)),
		Guardrails: plan.Guardrails, Planned: planned(plan), Subjects: true, Hosts: simulatedHosts,
		WarmUp: plan.WarmUp,
	}
	for _, stage := range plan.Stages {
		if stage.Weight > 0 && stage.Weight < stagger.WeightFull {
			t.Shares = append(t.Shares, stage.Weight.Share())
		}
	}
	if err := t.Refused(); err != nil {
		return t, invalid("%v", err)
	}
	return t, nil
}

// simulated is what simulate found, for machines. Shares are 0 to 1, delays in
// seconds.
type simulated struct {
	Model modelEntry `json:"model"`
	RPS   float64    `json:"rps"`
	Share float64    `json:"share,omitempty"`  // absent where it climbs
	Climb []float64  `json:"shares,omitempty"` // stage by stage
	Hours float64    `json:"hours"`
	// Limit is the mean time below which no test that may be read at any time can
	// tell the versions apart with one false alarm in a hundred.
	Limit float64 `json:"limit_seconds,omitempty"`
	simulate.Measured
}

func (s *session) measure(ctx context.Context, o simulateOptions) error {
	t, err := s.trial(o)
	if err != nil {
		return err
	}
	bar := s.bar(o.runs)
	measured, err := t.Run(ctx, o.runs, o.seed, bar.show)
	bar.clear()
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	found := simulated{
		Model: modelEntry{t.Model.Name, t.Model.Summary, t.Model.Truth}, RPS: t.Rate, Hours: t.Length.Hours(), Measured: measured,
	}
	if found.Share = t.Share; t.Model.Climbs {
		found.Share, found.Climb = 0, t.Shares
	}
	if information := t.Model.Information(t.Share); information > 0 {
		found.Limit = math.Log(100) / information / t.Rate
	}
	if shown := s.show(found, func() error { return s.writeMeasured(found) }); shown != nil {
		return shown
	}
	if err != nil {
		return &exit{code: exitInterrupted, message: fmt.Sprintf("interrupted after %d of %d lives", measured.Runs, measured.Asked)}
	}
	return nil
}

// writeMeasured tells people what was found.
func (s *session) writeMeasured(f simulated) error {
	share := strconv.FormatFloat(100*f.Share, 'g', 6, 64) + "% of them for the candidate"
	if f.Climb != nil {
		share = "the candidate's share climbing through the stages"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", f.Model.Name, f.Model.Summary)
	fmt.Fprintf(&b, "%g requests per second, %s, %g h; %d lives from seed %d on\n\n", f.RPS, share, f.Hours, f.Runs, f.Seed)
	var t table
	t.add("", "lives", "share", "99% interval", "median", "p90")
	for _, row := range []struct {
		what   string
		always bool // also if it was never seen
		simulate.Measure
	}{
		{"held", true, f.Suspect},
		{"held for both", false, f.Shared},
		{"held for the split", false, f.Split},
		{"shed", true, f.Shed},
		{"rolled back", true, f.Rollback},
		{"a stage healthy", true, f.Healthy},
		{"placebo alarmed", false, f.Placebo},
	} {
		if !row.always && row.Seen == 0 {
			continue
		}
		t.add(row.what, strconv.Itoa(row.Seen), partOf(row.Share()), partOf(row.Low)+" to "+partOf(row.High), delay(row.Median), delay(row.P90))
	}
	b.WriteString(t.String())
	b.WriteString("\n" + map[simulate.Truth]string{
		simulate.TruthAlike: "No harm is there: what was rolled back was fine.",
		simulate.TruthBlip:  "To hold is right here; to roll back is not.",
		simulate.TruthHarm:  "Harm is there: what was not rolled back, or held where a guardrail does no more, was missed.",
		simulate.TruthSplit: "Both versions are alike, but subjects are not split by the weight: to hold is right, to roll back is not.",
	}[f.Model.Truth] + "\n")
	if f.Limit > 0 {
		fmt.Fprintf(&b, "No test with one false alarm in a hundred can find it in less than %s on average.\n",
			delay(time.Duration(f.Limit*float64(time.Second))))
	}
	return s.print("%s", &b)
}

// partOf writes a share.
func partOf(share float64) string {
	digits := 1
	if share > 0 && share < 0.001 {
		digits = 3
	}
	return strconv.FormatFloat(100*share, 'f', digits, 64) + "%"
}

// delay writes how long something took, to three digits.
func delay(d time.Duration) string {
	switch {
	case d == simulate.Never:
		return "never"
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	default:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
}

// progressBar shows on a terminal how far a long command is.
type progressBar struct {
	out   io.Writer // nil shows nothing
	style live.Style
	total int
	last  int // the permille that was shown
}

func (s *session) bar(total int) *progressBar {
	if !live.Terminal(s.err) {
		return &progressBar{}
	}
	return &progressBar{out: s.err, style: s.style(), total: total, last: -1}
}

// show shows that so many are done.
func (p *progressBar) show(done int) {
	if p.out == nil {
		return
	}
	permille := done * 1000 / p.total
	if permille == p.last {
		return
	}
	p.last = permille
	count := fmt.Sprintf(" %d of %d", done, p.total)
	width := min(max(live.Width(p.out)-len(count)-1, 1), 60)
	_, _ = fmt.Fprintf(p.out, "\r%s%s%s", p.style.Bar(float64(done)/float64(p.total), width), count, ansi.EraseLineRight)
}

// clear takes the bar away.
func (p *progressBar) clear() {
	if p.out != nil {
		_, _ = fmt.Fprint(p.out, "\r"+ansi.EraseLineRight)
	}
}
