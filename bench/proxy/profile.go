package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// typical are the loads that a profile is taken of, where none are named: small
// and large answers, bodies, and what goes over net/http.
const typical = "1k,64k,post,h2c"

// keepProfile puts one load after the other on our proxy, with all that runs
// beside it, and keeps where its time went as what builds are guided by. The
// proxy runs in this process, origin and clients in others.
func keepProfile(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "bench-proxy-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	asked, err := loadsOf(o.loads)
	if err != nil {
		return err
	}
	openFiles()
	origin, err := start(ctx, peer{args: []string{"-serve", direct}, addresses: map[way]string{plain: originAddress}}, loadCore)
	if err != nil {
		return fmt.Errorf("start the origin: %w", err)
	}
	defer origin.stop()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended, failed := make(chan struct{}), error(nil)
	go func() {
		defer close(ended)
		failed = serveOwn(ctx, dir, true, false)
	}()
	if err := listening(ctx, proxyAddress, ended); err != nil {
		<-ended
		return errors.Join(err, failed)
	}
	var taken []*profile.Profile
	for _, l := range asked {
		p, err := profileOf(ctx, asker{load: l, address: ownWays()[l.way], dir: dir}, o.each())
		if err != nil {
			return fmt.Errorf("%s: %w", l.title, err)
		}
		taken = append(taken, p)
	}
	return writeProfile(o.profile, taken)
}

// profileOf says where the time of this process goes under a load.
func profileOf(ctx context.Context, a asker, during time.Duration) (*profile.Profile, error) {
	if _, err := a.ask(ctx, time.Second); err != nil {
		return nil, err // warming up
	}
	var raw bytes.Buffer
	if err := pprof.StartCPUProfile(&raw); err != nil {
		return nil, err
	}
	m, err := a.ask(ctx, during)
	pprof.StopCPUProfile()
	switch {
	case err != nil:
		return nil, err
	case m.Errors > 0:
		return nil, fmt.Errorf("%d of %d requests failed", m.Errors, m.Requests)
	}
	return profile.Parse(&raw)
}

// writeProfile keeps several profiles as one, if it names nothing of this
// machine.
func writeProfile(file string, taken []*profile.Profile) error {
	for _, p := range taken {
		clean(p)
		level(p)
	}
	all, err := profile.Merge(taken)
	if err != nil {
		return err
	}
	if found := places(all); len(found) > 0 {
		return fmt.Errorf("the profile names places on this machine, such as %s: build this program with -trimpath", found[0])
	}
	var out bytes.Buffer
	if err := all.Write(&out); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644) //nolint:gosec // it is part of the source
}

// clean leaves what a compiler can use: what called what on our own time. The
// kernel's time, four parts of five, is nobody's to save, and would hide from
// the compiler what is. When it was taken, for how long and of which file are
// nobody's business, and would make every profile another.
func clean(p *profile.Profile) {
	p.Sample = slices.DeleteFunc(p.Sample, func(s *profile.Sample) bool {
		return len(s.Location) == 0 || isCall(s.Location[0])
	})
	for _, m := range p.Mapping {
		m.File, m.BuildID = "", ""
	}
	for _, l := range p.Location {
		l.Address = 0
	}
	p.TimeNanos, p.DurationNanos, p.Comments = 0, 0, nil
}

// level lets every load count the same, however much of it was the kernel's.
func level(p *profile.Profile) {
	const samples = 10_000
	total := int64(0)
	for _, s := range p.Sample {
		total += s.Value[0]
	}
	if total > 0 {
		p.Scale(samples / float64(total))
	}
}

// isCall says whether a place is the call of the kernel itself.
func isCall(l *profile.Location) bool {
	return len(l.Line) > 0 && l.Line[0].Function != nil &&
		strings.HasPrefix(l.Line[0].Function.Name, "internal/runtime/syscall")
}

// places returns the absolute paths that a profile names.
func places(p *profile.Profile) (found []string) {
	note := func(text string) {
		if filepath.IsAbs(text) {
			found = append(found, text)
		}
	}
	for _, m := range p.Mapping {
		note(m.File)
	}
	for _, f := range p.Function {
		note(f.Filename)
	}
	for _, text := range p.Comments {
		note(text)
	}
	return found
}
