package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/store"
)

// rollouts shows the rollouts that are not over as metrics, so that people can
// plot and alert on them where they plot everything else.
type rollouts struct {
	store    *store.Store
	services func() []stagger.Service
}

// scrapeWait bounds how long the store may keep a scrape waiting.
const scrapeWait = 2 * time.Second

var (
	weightDesc = prometheus.NewDesc("stagger_rollout_weight_ratio",
		"Share of traffic that the candidate is wanted to get, without rules.", []string{"service", "rollout", "candidate"}, nil)
	observedDesc = prometheus.NewDesc("stagger_rollout_observed_ratio",
		"Share of the last seconds' requests that the candidate got.", []string{"service", "rollout", "candidate"}, nil)
	phaseDesc = prometheus.NewDesc("stagger_rollout_phase_info",
		"Always 1; the labels say where an active rollout stands.", []string{"service", "rollout", "candidate", "phase", "hold", "stage"}, nil)
	verdictDesc = prometheus.NewDesc("stagger_rollout_verdict_info",
		"Always 1; the labels say what the evidence says.", []string{"service", "rollout", "outcome", "advice"}, nil)
	evidenceDesc = prometheus.NewDesc("stagger_rollout_evidence_ratio",
		"How far the evidence is on its way to what it takes: 0 nothing, 1 enough.", []string{"service", "rollout", "signal", "slot", "for"}, nil)
)

var watchDesc = prometheus.NewDesc("stagger_watch_alarm",
	"1 while the version that everybody meets is worse than when its watch began, 0 while it is as it was.", []string{"service", "version"}, nil)

// Describe implements prometheus.Collector.
func (rollouts) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{weightDesc, observedDesc, phaseDesc, verdictDesc, evidenceDesc, watchDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector. A store that does not answer leaves
// the rollouts out; its trouble is logged elsewhere.
func (c rollouts) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWait)
	defer cancel()
	statuses, err := c.store.Statuses(ctx, c.services())
	if err != nil {
		return
	}
	for _, status := range statuses {
		collectWatch(to, status.Watch)
		r := status.Rollout
		if r == nil {
			continue
		}
		to <- gauge(weightDesc, r.Weight.Share(), r.Service, r.ID, r.Candidate)
		to <- gauge(phaseDesc, 1, r.Service, r.ID, r.Candidate, string(r.Phase), string(r.Hold), stageOf(*r))
		if p, err := c.store.Progress(ctx, r.ID); err == nil {
			collectProgress(to, *r, p)
		}
	}
}

func collectWatch(to chan<- prometheus.Metric, w *stagger.Watch) {
	if w == nil || w.Learning {
		return
	}
	alarm := 1.0
	if w.Since.IsZero() {
		alarm = 0
	}
	to <- gauge(watchDesc, alarm, w.Service, w.Version)
}

func collectProgress(to chan<- prometheus.Metric, r stagger.Rollout, p stagger.Progress) {
	to <- gauge(observedDesc, p.Observed, r.Service, r.ID, r.Candidate)
	to <- gauge(verdictDesc, 1, r.Service, r.ID, string(p.Verdict.Outcome), string(p.Verdict.Advice))
	for _, f := range p.Verdict.Findings {
		to <- gauge(evidenceDesc, f.Suspect, r.Service, r.ID, string(f.Signal), f.Slot, "hold")
		to <- gauge(evidenceDesc, f.Rollback, r.Service, r.ID, string(f.Signal), f.Slot, "rollback")
		to <- gauge(evidenceDesc, f.Healthy, r.Service, r.ID, string(f.Signal), f.Slot, "healthy")
	}
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// stageOf names the stage of r; empty before the first and while it bakes.
func stageOf(r stagger.Rollout) string {
	if r.Stage < 0 || r.Stage >= len(r.Plan.Stages) {
		return ""
	}
	return r.Plan.Stages[r.Stage].Name
}
