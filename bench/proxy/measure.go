package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"
)

// bench is what all measurements share.
type bench struct {
	dir    string
	each   time.Duration
	origin process
	log    io.Writer
	report *report
}

// measure puts every load on every proxy, one round after the other. What is
// known is kept after each load; an interrupt is no error then.
func measure(ctx context.Context, o options, log io.Writer) (*report, error) {
	dir, err := os.MkdirTemp("", "bench-proxy-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	all, err := peers(dir, o.newest)
	if err != nil {
		return nil, err
	}
	asked, err := loadsOf(o.loads)
	if err != nil {
		return nil, err
	}
	some, err := chosen(all, o.proxies)
	if err != nil {
		return nil, err
	}
	openFiles()
	origin, err := start(ctx, peer{args: []string{"-serve", direct}, addresses: map[way]string{plain: originAddress}}, loadCore)
	if err != nil {
		return nil, fmt.Errorf("start the origin: %w", err)
	}
	defer origin.stop()
	b := bench{dir: dir, each: o.each(), origin: origin, log: log, report: newReport(time.Now(), o.note, all)}
	return b.report, b.rounds(ctx, o, asked, some)
}

func (b *bench) rounds(ctx context.Context, o options, asked []load, some []peer) error {
	for round := range o.rounds {
		for _, l := range asked {
			if err := b.measureLoad(ctx, l, turned(some, round), round); err != nil {
				return err
			}
			if err := b.report.save(o.out); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return nil //nolint:nilerr // an interrupt leaves what is known
			}
		}
	}
	return nil
}

// turned lets each round begin with another proxy.
func turned(some []peer, round int) []peer {
	i := round % len(some)
	return append(slices.Clone(some[i:]), some[:i]...)
}

func (b *bench) measureLoad(ctx context.Context, l load, some []peer, round int) error {
	for _, p := range some {
		if _, offered := p.addresses[l.way]; !offered || p.name == direct && l.client == idling {
			continue
		}
		m, err := b.undisturbed(ctx, l, p)
		switch {
		case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
			b.report.miss(p.name, err)
			continue
		case ctx.Err() != nil:
			return nil //nolint:nilerr // an interrupt leaves what is known
		case err != nil:
			return fmt.Errorf("%s: %s: %w", p.name, l.title, err)
		}
		m.Round = round
		b.report.Rounds = append(b.report.Rounds, m)
		_, _ = fmt.Fprintf(b.log, "round %d, %s\n", round+1, m.line()) // it is there to be watched, no more
	}
	return nil
}

// A measurement that somebody disturbs by more than mostOthers of a core is
// made again, but only so often: then it is kept, and says how much it was.
const (
	mostOthers = 0.05
	mostTries  = 6
)

func (b *bench) undisturbed(ctx context.Context, l load, p peer) (measurement, error) {
	for try := 1; ; try++ {
		m, err := b.measureOne(ctx, l, p)
		m.Tries = try
		switch {
		case err == nil && m.Others <= mostOthers, try == mostTries, ctx.Err() != nil,
			errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
			return m, err
		case err != nil:
			_, _ = fmt.Fprintf(b.log, "%s, %s failed: %v\n", l.name, p.name, err)
		default:
			_, _ = fmt.Fprintf(b.log, "disturbed by %.0f%% of a core: %s\n", 100*m.Others, m.line())
		}
	}
}

// measureOne starts a proxy, puts one load on it and stops it again.
func (b *bench) measureOne(ctx context.Context, l load, p peer) (measurement, error) {
	subject := b.origin
	if p.name != direct {
		var err error
		if subject, err = start(ctx, p.reached(l.way), proxyCore); err != nil {
			return measurement{}, err
		}
		defer subject.stop()
	}
	a := asker{load: l, address: p.addresses[l.way], dir: b.dir}
	if l.client == idling {
		return b.measureIdle(ctx, a, p, subject)
	}
	if _, err := a.ask(ctx, time.Second); err != nil {
		return measurement{}, err // warming up
	}
	before, err := b.look(subject)
	if err != nil {
		return measurement{}, err
	}
	begin := time.Now()
	m, err := a.ask(ctx, b.each)
	if err != nil {
		return measurement{}, err
	}
	took := time.Since(begin).Seconds()
	after, err := b.look(subject)
	if err != nil {
		return measurement{}, err
	}
	m.Proxy, m.Load, m.Seconds = p.name, l.name, cmp.Or(m.Seconds, took)
	m.CPU = after.subject - before.subject
	m.Memory = after.memory
	m.Others = others(subject.core, before, after, m.client) / took
	return m, nil
}

// look is the state of the machine at one moment.
type look struct {
	subject, origin float64 // seconds of CPU
	busy            [2]float64
	memory          int64
}

func (b *bench) look(subject process) (l look, err error) {
	var failed [5]error
	l.subject, failed[0] = cpu(subject.pid)
	l.origin, failed[1] = cpu(b.origin.pid)
	l.memory, failed[2] = memory(subject.pid)
	for core := range l.busy {
		l.busy[core], failed[3+core] = busy(core)
	}
	return l, errors.Join(failed[:]...)
}

// others returns the seconds that somebody else took of the core that is
// measured, whatever of the two they took more of. Where the origin is the
// subject both are on one core.
func others(core int, before, after look, client float64) float64 {
	onLoad := after.busy[loadCore] - before.busy[loadCore] - (after.origin - before.origin) - client
	if core == loadCore {
		return max(onLoad, 0)
	}
	onProxy := after.busy[proxyCore] - before.busy[proxyCore] - (after.subject - before.subject)
	return max(onProxy, onLoad, 0)
}

// measureIdle says what a connection that idles takes of the proxy's memory.
func (b *bench) measureIdle(ctx context.Context, a asker, p peer, subject process) (measurement, error) {
	before, err := memory(subject.pid)
	if err != nil {
		return measurement{}, err
	}
	var m measurement
	ended := make(chan error, 1)
	go func() {
		var err error
		m, err = a.ask(ctx, idleFor)
		ended <- err
	}()
	after := before
	clock := time.NewTicker(100 * time.Millisecond)
	defer clock.Stop()
	for {
		select {
		case err := <-ended:
			m.Proxy, m.Load, m.Memory = p.name, a.load.name, after
			m.PerConnection = float64(after-before) / float64(a.load.connections)
			return m, err
		case <-clock.C:
			now, err := memory(subject.pid)
			if err != nil {
				return measurement{}, err
			}
			after = max(after, now)
		}
	}
}

// idleFor is how long the connections idle.
const idleFor = 3 * time.Second
