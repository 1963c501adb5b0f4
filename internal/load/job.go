package load

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/stagger-dev/stagger/internal/scenario"
)

// Job is one run against real targets.
type Job struct {
	Scenario scenario.Scenario
	// Replay makes captured requests at their own times; those of the scenario,
	// and its shape but for its length, count for nothing then.
	Replay *Replay
	// Record takes in what became of the requests of each second; nil for nothing.
	Record *Recording
	// Remote lets requests leave this machine.
	Remote bool
	// Insecure takes any certificate.
	Insecure bool
	// Agent names the program in requests; stagger-load when empty.
	Agent string

	// dial replaces the network, and the system's alarm with it, in tests whose
	// time is virtual.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// pace is how often a run tells of its progress and asks whether to stop.
const pace = 250 * time.Millisecond

// Run makes all requests of the job, or those until ctx ends, and reports. It
// tells of progress several times a second, one call at a time; tell may be
// nil. Its error is about the job: what goes wrong with requests is in the
// report.
func (j Job) Run(ctx context.Context, tell func(Progress)) (Report, error) {
	run, err := j.prepare(ctx)
	if err != nil {
		return Report{}, err
	}
	defer run.sender.close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if run.sender.plain != nil {
		defer context.AfterFunc(ctx, run.sender.plain.cut)()
	}
	var watching sync.WaitGroup
	over := make(chan struct{})
	watching.Go(func() { run.watch(over, stop, tell) })
	before := cpuTime()
	counts, err := run.runner.run(ctx, run.start, run.next, run.do)
	run.cpu = cpuTime() - before
	close(over)
	watching.Wait()
	if err != nil {
		return Report{}, err
	}
	return run.report(counts, time.Since(run.start), context.Cause(ctx)), nil
}

// run is a job under way.
type run struct {
	scenario scenario.Scenario
	mix      scenario.Mix
	replay   *Replay // nil for none
	planned  []planned
	sender   *sender
	tally    *tally
	record   *Recording // nil for none
	runner   runner
	next     func() (time.Duration, bool)
	start    time.Time
	length   time.Duration
	cpu      time.Duration
}

func (j Job) prepare(ctx context.Context) (*run, error) {
	s := j.Scenario
	if j.Replay != nil {
		s.Requests = []scenario.Request{{Name: "replay", Weight: 1, Path: scenario.NewTemplate("/"), Header: j.Replay.Header}}
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	mix, err := scenario.NewMix(s.Requests)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	sender, err := newSender(ctx, j, s)
	if err != nil {
		return nil, err
	}
	r := &run{scenario: s, mix: mix, sender: sender, record: j.Record, length: s.Shape.Length()}
	names := make([]string, len(s.Requests))
	for i, request := range s.Requests {
		names[i] = request.Name
		r.planned = append(r.planned, plan(request, cmp.Or(j.Agent, "stagger-load")))
	}
	r.next = arrivals(Profile{Shape: s.Shape, Even: s.Even, Seed: s.Seed})
	if j.Replay != nil {
		r.replay, names = j.Replay, j.Replay.names
		if r.next, err = j.Replay.times(r.length); err != nil {
			return nil, err
		}
	}
	r.tally = newTally(names)
	r.runner = runner{inFlight: int64(s.InFlight), exact: j.dial == nil, dropped: r.tally.drop}
	r.start = time.Now()
	return r, nil
}

// do makes one request. All chance in it comes from its number, so a seed tells
// the whole run whatever order goroutines run in.
func (r *run) do(ctx context.Context, n uint64, due time.Time) {
	began := time.Now()
	random := rand.New(rand.NewPCG(r.scenario.Seed^0x7265717565737473, n))
	values := scenario.Values{Number: n, Random: random.Uint64() >> 12}
	if r.scenario.Users > 0 {
		values.User = random.Uint64N(r.scenario.Users)
	}
	place, p := r.choose(n, &values, random)
	r.tally.begin(began.Sub(due))
	o := r.sender.send(ctx, p, values, random.IntN(len(r.sender.targets)))
	now := time.Now()
	r.tally.end(place, o, now.Sub(due), now.Sub(began))
	if r.record != nil && !o.cut {
		r.record.add(due.Sub(r.start), now.Sub(due), o.failure != "")
	}
}

// choose returns which request is made, and makes values' user the one who made
// it before.
func (r *run) choose(n uint64, values *scenario.Values, random *rand.Rand) (place int, p *planned) {
	if r.replay == nil {
		place = r.mix.Draw(random.Float64())
		return place, &r.planned[place]
	}
	place, one, user := r.replay.request(n, &r.planned[0])
	values.User = user
	return place, &one
}

// watch tells of progress and stops a run that fails, until it is over.
func (r *run) watch(over <-chan struct{}, stop context.CancelCauseFunc, tell func(Progress)) {
	clock := time.NewTicker(pace)
	defer clock.Stop()
	watch := scenario.NewWatch(r.scenario.Stop)
	for {
		select {
		case <-over:
			return
		case now := <-clock.C:
			p := r.tally.progress(now.Sub(r.start), r.length)
			if why := watch.See(p.At, p.Ended, p.Failed); why != "" {
				stop(stopped(why))
			}
			if tell != nil {
				p.Wished = p.Due
				if r.replay == nil {
					p.Wished = r.scenario.Shape.Rate(p.At)
				}
				tell(p)
			}
		}
	}
}

// stopped is why a run was given up.
type stopped string

// Error implements error.
func (s stopped) Error() string { return string(s) }
