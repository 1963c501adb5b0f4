// Command judge measures the judge of Stagger on simulated traffic: false alarms
// when both versions are alike, delays when one is worse, and the same for the
// peers of bench/peers on the same ticks. It prints tables in Markdown and keeps
// every delay as JSON, so that tables and plots can be made anew.
//
//	go run ./bench/judge -runs 200 -out bench/judge/results/today.json
//	go run ./bench/judge -runs 2000 -sections null,robust -out bench/judge/results/null.json -resume
//	go run ./bench/judge -show bench/judge/results/*.json
//	go run ./bench/judge -plot docs/images -write docs/statistics.md bench/judge/results/*.json
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/judge:", err)
		os.Exit(1)
	}
}

// options are what is asked for.
type options struct {
	runs     int
	delays   int
	resume   bool
	seed     uint64
	sections string
	out      string
	note     string
	show     bool
	plot     string
	write    string
	files    []string
}

func parse(args []string, errors io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("judge", flag.ContinueOnError)
	f.SetOutput(errors)
	f.IntVar(&o.runs, "runs", 100, "lives of each cell that measures false alarms")
	f.IntVar(&o.delays, "delays", 0, "lives of each cell that measures delays; 0 is a third of -runs")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the first life")
	f.StringVar(&o.sections, "sections", "", "what to measure, by commas: "+strings.Join(sectionNames(), ", ")+"; empty is all")
	f.StringVar(&o.out, "out", "", "file to keep the raw results in, as JSON")
	f.BoolVar(&o.resume, "resume", false, "keep what -out has, and measure only the cells that it lacks or has fewer lives of")
	f.StringVar(&o.note, "note", "", "what to keep with the results, such as the commit that was measured")
	f.BoolVar(&o.show, "show", false, "measure nothing; print the tables of the files named")
	f.StringVar(&o.plot, "plot", "", "measure nothing; draw the files named as SVG into this directory")
	f.StringVar(&o.write, "write", "", "measure nothing; fill the tables of the files named into this document")
	if err := f.Parse(args); err != nil {
		return o, fmt.Errorf("read the flags: %w", err)
	}
	o.files = f.Args()
	switch {
	case o.runs < 1:
		return o, fmt.Errorf("-runs %d measures nothing; write 1 or more", o.runs)
	case o.delays < 0:
		return o, fmt.Errorf("-delays %d measures nothing; write 1 or more, or 0 for a third of -runs", o.delays)
	case o.resume && o.out == "":
		return o, fmt.Errorf("-resume goes on with a file; name it with -out")
	case o.delays == 0:
		o.delays = max(o.runs/3, 1)
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	if o.show || o.plot != "" || o.write != "" {
		return present(o, out)
	}
	cells, err := cellsOf(o.sections)
	if err != nil {
		return err
	}
	report := newReport(time.Now(), o.note)
	if o.resume {
		if report.Rows, err = keptRows(o.out); err != nil {
			return err
		}
	}
	if report.Paths, err = pathsOf(ctx, o.seed); err != nil {
		return err
	}
	if err := report.measure(ctx, cells, o, log); err != nil {
		return err
	}
	return writeMarkdown(out, report)
}

// present shows, draws or writes what was measured before.
func present(o options, out io.Writer) error {
	report, err := readAll(o.files)
	if err != nil {
		return err
	}
	if o.plot != "" {
		if err := drawAll(report, o.plot); err != nil {
			return err
		}
	}
	if o.write != "" {
		if err := fillIn(o.write, report); err != nil {
			return err
		}
	}
	if o.show {
		return writeMarkdown(out, report)
	}
	return nil
}

func fillIn(document string, r report) error {
	before, err := os.ReadFile(document)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	after, err := filled(string(before), r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(document, []byte(after), 0o644); err != nil { //nolint:gosec // documents are for everybody to read
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// measure measures cells, and keeps what is known after each. An interrupt is no
// error: what is known is worth printing.
func (r *report) measure(ctx context.Context, cells []cell, o options, log io.Writer) error {
	for i, c := range cells {
		if r.has(c, o) {
			continue
		}
		rows, err := c.measure(ctx, c.lives(o), o.seed)
		for _, each := range rows {
			r.Rows = each.into(r.Rows)
		}
		for _, each := range rows {
			_, _ = fmt.Fprintf(log, "%3d/%d  %s\n", i+1, len(cells), each.line()) // it is there to be watched, no more
		}
		if saved := r.save(o.out); saved != nil {
			return saved
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // an interrupt leaves what is known
		}
		if err != nil {
			return err
		}
	}
	return nil
}
