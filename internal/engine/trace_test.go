package engine_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/engine"
)

var update = flag.Bool("update", false, "write what the engine does as what is expected")

// TestTraces plays the scripts in testdata. A script is blocks of commands,
// "----" and what they lead to, an event a line; -update writes the latter.
func TestTraces(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(text), got); diff != "" && !*update {
				t.Errorf("(-expected +got; go test -update accepts it)\n%s", diff)
			}
		})
	}
}

// play runs a script and returns it with what really came of it.
func play(t *testing.T, script string) string {
	t.Helper()
	p := &player{now: began, in: engine.Input{Ready: engine.Ready{Baseline: true, Candidate: true}, ObservedShare: -1}}
	var out strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(script), "\n\n") {
		commands, _, _ := strings.Cut(block, "\n----")
		out.WriteString(commands + "\n----\n")
		for line := range strings.Lines(commands) {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if err := p.do(strings.Fields(line)); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			out.WriteString(p.out.String())
			p.out.Reset()
		}
		out.WriteString("\n")
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// player is the world of one script.
type player struct {
	rollout stagger.Rollout
	in      engine.Input
	now     time.Time
	out     strings.Builder
}

// do plays one line. Words of the form key=value are options.
func (p *player) do(words []string) error {
	verb, rest := words[0], words[1:]
	switch verb {
	case "deploy":
		return p.deploy(rest)
	case "verdict":
		return p.verdict(rest)
	case "ready":
		p.in.Ready = engine.Ready{Baseline: strings.Contains(rest[0], "baseline"), Candidate: strings.Contains(rest[0], "candidate")}
		p.next(nil)
	case "share":
		share, err := strconv.ParseFloat(rest[0], 64)
		p.in.ObservedShare = share
		p.next(nil)
		return err
	case "advance":
		return p.advance(rest[0])
	case "supersede":
		p.in.SupersededBy = rest[0]
		p.next(nil)
		p.in.SupersededBy = ""
	case "status":
		p.status()
	default:
		return p.command(verb, rest)
	}
	return nil
}

func (p *player) deploy(options []string) error {
	plan := twoStages()
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		if key != "timebox-end" {
			return fmt.Errorf("no option %s", key)
		}
		for i := range plan.Stages {
			plan.Stages[i].AtTimebox = stagger.TimeboxEnd(value)
		}
	}
	step, err := engine.Create("r1", "v1", start(plan), p.now)
	p.show(step, err)
	return nil
}

func (p *player) verdict(words []string) error {
	p.in.Verdict = stagger.Verdict{
		Outcome: stagger.Outcome(words[0]), Advice: stagger.AdviseNothing,
		Baseline: stagger.Sample{Stage: 1000}, Candidate: stagger.Sample{Stage: 1000},
	}
	for _, w := range words[1:] {
		key, value, ok := strings.Cut(w, "=")
		switch {
		case !ok:
			p.in.Verdict.Advice = stagger.Advice(w)
		case key == "samples":
			n, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				return err
			}
			p.in.Verdict.Candidate.Stage = n
		case key == "say":
			p.in.Verdict.Sentence = strings.ReplaceAll(value, "_", " ")
		}
	}
	p.next(nil)
	return nil
}

// advance lets time pass, a look every ten seconds.
func (p *player) advance(span string) error {
	d, err := time.ParseDuration(span)
	if err != nil {
		return err
	}
	if d < 0 {
		p.now = p.now.Add(d)
		p.next(nil)
		return nil
	}
	for end := p.now.Add(d); p.now.Before(end); {
		p.now = p.now.Add(10 * time.Second)
		p.next(nil)
	}
	return nil
}

func (p *player) command(verb string, words []string) error {
	c := &stagger.Command{ID: "c1", Verb: stagger.Verb(verb), Actor: "ada"}
	for _, w := range words {
		if w == "all" {
			c.All = true
			continue
		}
		if c.Verb == stagger.VerbReview {
			c.Judgement = stagger.Judgement(w)
			continue
		}
		weight, err := stagger.ParseWeight(w)
		if err != nil {
			return err
		}
		c.Weight = &weight
	}
	p.next(c)
	return nil
}

func (p *player) next(c *stagger.Command) {
	if p.rollout.ID == "" {
		return // nothing is deployed yet
	}
	in := p.in
	in.At, in.Command = p.now, c
	p.show(engine.Next(p.rollout, in))
}

func (p *player) show(step engine.Step, err error) {
	if err != nil {
		fmt.Fprintf(&p.out, "refused, %s: %v\n", stagger.CodeOf(err), err)
		return
	}
	p.rollout = step.Rollout
	for _, e := range step.Events {
		where := string(e.Phase)
		if e.Hold != "" {
			where += "/" + string(e.Hold)
		}
		fmt.Fprintf(&p.out, "%8s %-13s %-20s %-4s %s\n", p.now.Sub(began), e.Kind, where, e.Weight, e.Reason)
	}
}

func (p *player) status() {
	s := engine.Split(p.rollout)
	next, at := engine.Upcoming(p.rollout, p.in.Verdict, p.in.Ready, nil, p.now)
	fmt.Fprintf(&p.out, "split: %s to %q, %d rules at %s\n", s.Weight, s.Candidate, len(s.Rules), s.RuleShare)
	fmt.Fprintf(&p.out, "next: %s", next)
	if !at.IsZero() {
		fmt.Fprintf(&p.out, " (%s)", at.Sub(began))
	}
	fmt.Fprintln(&p.out)
}
