package live_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli/live"
)

var update = flag.Bool("update", false, "write the pictures anew")

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	time.Local = time.UTC // pictures show the time of the place
	m.Run()
}

func after(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// basket is a rollout in its second stage, with nothing known of it yet.
func basket() live.Model {
	stage := func(name string, w stagger.Weight, rules ...stagger.Rule) stagger.Stage {
		return stagger.Stage{
			Name: name, Weight: w, Rules: rules, MinTime: 10 * time.Second,
			Timebox: time.Minute, AtTimebox: stagger.TimeboxHold, MinSamples: 2000,
		}
	}
	r := stagger.Rollout{
		ID: "shop-20261123-120000-4f2a", Service: "shop", Baseline: "v1", Candidate: "v2",
		Change: stagger.Change{Kind: "code", Commit: "4f2a91c", Author: "ada", Ticket: "SHOP-42", Summary: "Faster basket totals"},
		Plan: stagger.Plan{
			Stages: []stagger.Stage{
				stage("staff", 0, stagger.Rule{Header: "X-Group", Equals: "staff"}),
				stage("tenth", 10*stagger.WeightPercent), stage("half", 50*stagger.WeightPercent),
			},
			Bake: stagger.Bake{Time: 2 * time.Minute}, Shed: stagger.Shed{Probe: stagger.WeightPercent, Patience: 15 * time.Second},
		},
		Phase: stagger.PhasePending, Stage: -1, CreatedAt: start, UpdatedAt: start, Events: 1,
	}
	m := live.Model{Now: after(27)}
	tell(&m,
		stagger.Event{At: start, Kind: stagger.EventCreated, Created: &r, Actor: "ada", Reason: "ada started it: release 12", Phase: r.Phase, Stage: -1},
		stagger.Event{At: after(1), Kind: stagger.EventStageEntered, Phase: stagger.PhaseProgressing, Stage: 0, Reason: "stage staff begins at 0% and 1 rule: v1 and v2 are ready"},
		stagger.Event{At: after(14), Kind: stagger.EventStageEntered, Phase: stagger.PhaseProgressing, Stage: 1, Weight: 10 * stagger.WeightPercent, Reason: "stage tenth begins at 10%: stage staff is healthy"},
	)
	return m
}

// tell lets m hear events, numbered as they come.
func tell(m *live.Model, events ...stagger.Event) {
	for _, e := range events {
		e.Rollout, e.Seq = "shop-20261123-120000-4f2a", m.Rollout.Events+1
		if e.Actor == "" {
			e.Actor = "stagger"
		}
		if err := m.Hear(e); err != nil {
			panic(err) // the events of a test are in order
		}
	}
}

func slot(name string, estimate, low, high, suspect, healthy float64) stagger.Finding {
	return stagger.Finding{
		Signal: stagger.SignalLatency, Slot: name, Outcome: stagger.OutcomeInconclusive, Action: stagger.ActionRollback,
		Baseline: 0.012, Candidate: 0.012 * estimate, Estimate: estimate, Low: low, High: high, Tolerance: 1.05,
		Suspect: suspect, Rollback: suspect / 3, Healthy: healthy,
		Sentence: fmt.Sprintf("%s is %.1fms against 12.0ms; up to 5%% more is tolerated", name, 12*estimate),
	}
}

func progress(m *live.Model, change func(*stagger.Progress)) {
	p := stagger.Progress{
		Rollout: m.Rollout.ID, At: after(26.9),
		Split:     stagger.Split{Service: "shop", Baseline: "v1", Candidate: "v2", Weight: m.Rollout.Weight},
		Observed:  0.0973,
		Baseline:  stagger.Level{Rate: 1082.4, Errors: 0.0011, P50: 0.0121, P95: 0.0232, P99: 0.0315, InFlight: 14},
		Candidate: stagger.Level{Rate: 118.1, Errors: 0.0009, P50: 0.0122, P95: 0.0229, P99: 0.0322, InFlight: 2},
		Verdict: stagger.Verdict{
			At: after(26.9), Outcome: stagger.OutcomeInconclusive, Advice: stagger.AdviseNothing,
			Sentence: "nothing speaks against v2; a p99 worse than by 24% cannot be excluded yet",
			Baseline: stagger.Sample{Requests: 27_000, Stage: 13_940}, Candidate: stagger.Sample{Requests: 1534, Stage: 1534},
			Findings: []stagger.Finding{
				{
					Signal: stagger.SignalErrors, Outcome: stagger.OutcomeHealthy, Action: stagger.ActionRollback,
					Baseline: 0.0011, Candidate: 0.0009, Estimate: 0.83, Low: 0.41, High: 1.42, Tolerance: 1.5, Healthy: 1.3,
					Sentence: "0.09% failed against 0.11%; half as many again are tolerated",
				},
				slot("p50", 1.004, 0.99, 1.02, 0, 1), slot("p90", 1.01, 0.97, 1.05, 0.1, 0.8), slot("p95", 0.99, 0.94, 1.06, 0.05, 0.7),
				slot("p99", 1.02, 0.88, 1.19, 0.3, 0.35), slot("p99.9", 0, 0, 0, 0, 0),
			},
		},
		Exposure: stagger.Exposure{All: 28_534, Requests: 1534, Failed: 2, Users: 1021},
		Next:     "stage half at 50% after 466 more requests on each version, if healthy by then; about 2,900 more requests needed to exclude +24% at p99, 25s at this traffic",
	}
	if change != nil {
		change(&p)
	}
	m.See(p)
}

// pictures are the moments that are kept as golden files.
func pictures() map[string]live.Model {
	fresh := basket()

	calm := basket()
	progress(&calm, nil)

	shed := basket()
	tell(&shed, stagger.Event{At: after(20), Kind: stagger.EventShed, Phase: stagger.PhaseWaiting, Hold: stagger.HoldShed, Stage: 1, Weight: stagger.WeightPercent, Reason: "the candidate fails badly; traffic is cut to the probe: 31% of v2's requests fail, 0.1% of v1's"})
	progress(&shed, bad)

	back := basket()
	tell(&back,
		stagger.Event{At: after(20), Kind: stagger.EventShed, Phase: stagger.PhaseWaiting, Hold: stagger.HoldShed, Stage: 1, Weight: stagger.WeightPercent, Reason: "the candidate fails badly; traffic is cut to the probe"},
		stagger.Event{At: after(24), Kind: stagger.EventRolledBack, Phase: stagger.PhaseRolledBack, Stage: 1, Reason: "the evidence is beyond doubt: 31% of v2's requests fail, 0.1% of v1's; half as many again are tolerated, and no allowed blip explains it"},
		stagger.Event{At: after(25), Kind: stagger.EventConverged, Phase: stagger.PhaseRolledBack, Stage: 1, Reason: "no request met v2, 1s after the end"},
	)
	progress(&back, bad)
	back.Progress.Split, back.Progress.Observed = stagger.Split{}, 0

	baking := basket()
	tell(&baking,
		stagger.Event{At: after(18), Kind: stagger.EventWeightSet, Actor: "grace", Phase: stagger.PhaseProgressing, Stage: 1, Weight: 20 * stagger.WeightPercent, Manual: true, Reason: "grace set the weight to 20%: more data"},
		stagger.Event{At: after(20), Kind: stagger.EventBaking, Phase: stagger.PhaseBaking, Stage: 3, Weight: stagger.WeightFull, Reason: "everybody meets it now and the bake begins: stage half is healthy"},
	)
	progress(&baking, func(p *stagger.Progress) {
		p.At = after(16) // old news
		p.Observed, p.Baseline, p.Next, p.NextAt = 1, stagger.Level{}, "promoted in 1m53s, when the bake is over, if still healthy", after(140)
		used, more, depth := 0.31, 0.84, 12.0
		p.Baseline.Saturation, p.Candidate.Saturation, p.Candidate.Backlog = &used, &more, &depth
	})
	return map[string]live.Model{"fresh": fresh, "calm": calm, "shed": shed, "rolled-back": back, "baking": baking}
}

// bad is how a candidate does that fails a third of its requests.
func bad(p *stagger.Progress) {
	p.Split.Weight = stagger.WeightPercent
	p.Observed = 0.0112
	p.Candidate.Errors, p.Candidate.Rate = 0.312, 11.9
	p.Verdict.Outcome, p.Verdict.Advice, p.Verdict.Signal = stagger.OutcomeRegressed, stagger.AdviseShed, stagger.SignalErrors
	p.Verdict.Sentence = "31% of v2's requests fail, 0.1% of v1's; half as many again are tolerated"
	p.Verdict.Findings[0] = stagger.Finding{
		Signal: stagger.SignalErrors, Outcome: stagger.OutcomeRegressed, Action: stagger.ActionRollback,
		Baseline: 0.0011, Candidate: 0.312, Estimate: 411, Low: 201, High: 790, Tolerance: 1.5, Suspect: 2, Rollback: 0.74,
		Sentence: "31% failed against 0.11%; half as many again are tolerated",
	}
	p.Next, p.NextAt = "rolled back in 8s unless the candidate recovers", after(35)
}

func TestPictures(t *testing.T) {
	for name, m := range pictures() {
		for _, size := range [][2]int{{80, 24}, {120, 40}} {
			t.Run(fmt.Sprintf("%s at %d columns", name, size[0]), func(t *testing.T) {
				got := live.Render(m, live.Plain(), size[0], size[1])
				golden(t, filepath.Join("testdata", fmt.Sprintf("%s-%d.txt", name, size[0])), got+"\n")
			})
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestPicturesFitWhateverTheSize(t *testing.T) {
	for name, m := range pictures() {
		for width := 20; width <= 200; width += 7 {
			for height := 1; height <= 60; height += 5 {
				picture := live.Render(m, live.Colour(), width, height)
				lines := strings.Split(picture, "\n")
				if len(lines) > height {
					t.Fatalf("%s at %dx%d: %d lines", name, width, height, len(lines))
				}
				for _, line := range lines {
					if w := ansi.StringWidth(line); w > width {
						t.Fatalf("%s at %dx%d: %d columns: %q", name, width, height, w, line)
					}
				}
			}
		}
	}
}

func TestColourAddsNothingButColour(t *testing.T) {
	for name, m := range pictures() {
		plain, coloured := live.Render(m, live.Plain(), 100, 40), live.Render(m, live.Colour(), 100, 40)
		if strings.Contains(plain, "\x1b") {
			t.Errorf("%s: the plain picture has escapes", name)
		}
		if diff := cmp.Diff(plain, ansi.Strip(coloured)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestEventsThatSkipOneAreRefused(t *testing.T) {
	m := basket()
	err := m.Hear(stagger.Event{Rollout: m.Rollout.ID, Seq: m.Rollout.Events + 2, Kind: stagger.EventPaused})
	if err == nil || m.Rollout.Events != 3 {
		t.Errorf("%v, %d events", err, m.Rollout.Events)
	}
}
