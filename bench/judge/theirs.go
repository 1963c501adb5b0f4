package main

import (
	"context"
	"fmt"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/bench/peers"
	"github.com/stagger-dev/stagger/internal/simulate"
)

// contenders are the peers and how they are set up: with the level 1% where they
// have one, else as their documents have it.
var contenders = []struct {
	name string
	make func(length time.Duration) peers.Peer
}{
	{"z-test, every second", func(time.Duration) peers.Peer { return peers.NewZTest(0.01, time.Second) }},
	{"z-test, every minute", func(time.Duration) peers.Peer { return peers.NewZTest(0.01, time.Minute) }},
	{"z-test, every second, Bonferroni", func(l time.Duration) peers.Peer { return peers.NewZTest(0.01/l.Seconds(), time.Second) }},
	{"z-test, every minute, Bonferroni", func(l time.Duration) peers.Peer { return peers.NewZTest(0.01/l.Minutes(), time.Minute) }},
	{"rank test of all requests, every minute", func(time.Duration) peers.Peer { return peers.NewRank(0.01, time.Minute) }},
	{"Kayenta on errors, every minute", func(time.Duration) peers.Peer { return peers.NewKayenta(kayentaFrom, time.Minute, peers.Failures) }},
	{"Kayenta on p99, every minute", func(time.Duration) peers.Peer { return peers.NewKayenta(kayentaFrom, time.Minute, peers.P99) }},
	{"Kayenta on errors, once", func(l time.Duration) peers.Peer { return peers.NewKayenta(l, l, peers.Failures) }},
	{"success ≥ 99% a minute, 1 failure (Flagger)", func(time.Duration) peers.Peer {
		return peers.NewFlagger(1, time.Minute, peers.SuccessRate(0.99))
	}},
	{"success ≥ 99% a minute, 5 failures (Flagger)", func(time.Duration) peers.Peer {
		return peers.NewFlagger(5, time.Minute, peers.SuccessRate(0.99))
	}},
	{"success ≥ 99% a minute, failureLimit 3 (Argo)", func(time.Duration) peers.Peer {
		return peers.NewArgo(3, time.Minute, peers.SuccessRate(0.99))
	}},
	{"p99 ≤ 1.2 × baseline a minute, failureLimit 3 (Argo)", func(time.Duration) peers.Peer {
		return peers.NewArgo(3, time.Minute, peers.TailRatio(1.2))
	}},
	{"beta-binomial, known split (Lindon and Malek)", func(time.Duration) peers.Peer { return peers.NewBetaBinomial(0.01, 100) }},
}

// kayentaFrom is when a growing window has points enough to be looked at.
const kayentaFrom = 5 * time.Minute

func peerCells() []cell {
	var out []cell
	for _, l := range loads {
		out = append(out, cell{section: sectionPeers, peers: true, model: "healthy", rate: l.rate, share: l.share, length: time.Hour})
	}
	for _, model := range []string{"ramp", "jump", "diurnal", "incident", "skew"} {
		out = append(out, cell{section: sectionPeers, peers: true, model: model, rate: 1000, share: 0.05, length: time.Hour})
	}
	for _, model := range []string{"errors=0.3%", "errors=1%", "p99=50%", "p50=10%", "late", "late-p99", "intermittent", "blip", "burst"} {
		out = append(out, cell{section: sectionPeersAt, peers: true, model: model, rate: 1000, share: 0.05, length: 2 * time.Hour, timed: true})
	}
	return out
}

// theirs lets every contender watch the same lives that we watch. An alarm before
// the onset is kept as a delay of 0.
func (r row) theirs(ctx context.Context, t simulate.Trial, runs int) ([]row, error) {
	lives, err := simulate.Each(ctx, runs, func(ctx context.Context, i int) ([]int, error) {
		return watch(ctx, t, r.Seed+uint64(i))
	}, nil)
	rows := make([]row, len(contenders))
	for i, c := range contenders {
		rows[i] = r
		rows[i].By = c.name
		for _, alarms := range lives {
			rows[i].Rollback = append(rows[i].Rollback, alarms[i])
		}
	}
	if err != nil {
		return rows, fmt.Errorf("measure the peers on %s: %w", r.Model, err)
	}
	return rows, nil
}

// watch returns when each contender alarmed in one life, in seconds since the
// onset, or -1.
func watch(ctx context.Context, t simulate.Trial, seed uint64) ([]int, error) {
	alarms := make([]int, len(contenders))
	watching := make([]peers.Peer, len(contenders))
	for i, c := range contenders {
		alarms[i], watching[i] = -1, c.make(t.Length)
	}
	err := t.Play(ctx, seed, func(s simulate.Scene) bool {
		if s.At <= 0 {
			return true // the peers learn nothing beforehand
		}
		now := peers.Sample{
			At: s.At, Share: s.Share, Baseline: sideOf(s.Tick.Observations[0]), Candidate: sideOf(s.Tick.Observations[1]),
		}
		left := false
		for i, p := range watching {
			if alarms[i] >= 0 {
				continue
			}
			left = true
			if p.Observe(now) {
				alarms[i] = seconds(max(s.At-t.Model.Onset, 0))
			}
		}
		return left
	})
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	return alarms, nil
}

func sideOf(o stagger.Observation) peers.Side {
	return peers.Side{Requests: int(o.Started), Failed: int(o.Outcomes.Failed()), Latency: o.Latency}
}
