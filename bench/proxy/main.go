// Command proxy measures what a proxied request costs: ours over its own
// transport and over net/http, httputil.ReverseProxy, nginx and HAProxy. Every
// one is pinned to core 0 with one thread; the origin and the clients have core
// 1. The rounds are interleaved, and medians are told, as machines drift.
//
//	go run ./bench/proxy -rounds 5 -seconds 8 -out bench/proxy/results/today.json
//	go run ./bench/proxy -write docs/performance.md bench/proxy/results/*.json
//	go run -trimpath ./bench/proxy -profile cmd/stagger/default.pgo -seconds 60
//
// It wants Linux, two cores that nobody else uses, taskset, wrk and h2load;
// peers and clients that are not installed are left out and named.
package main

import (
	"cmp"
	"context"
	"errors"
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
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench/proxy:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	rounds, seconds int
	loads, proxies  string
	newest          string
	note            string
	out             string

	write string
	show  bool
	files []string

	profile string

	part part
}

func parse(args []string, errors io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("proxy", flag.ContinueOnError)
	f.SetOutput(errors)
	f.IntVar(&o.rounds, "rounds", 3, "rounds, each of which measures every proxy once a load")
	f.IntVar(&o.seconds, "seconds", 5, "how long each measurement lasts")
	f.StringVar(&o.loads, "loads", "", "the loads to measure, with commas between: "+strings.Join(loadNames(), ", "))
	f.StringVar(&o.proxies, "proxies", "", "the proxies to measure, with commas between; all")
	f.StringVar(&o.newest, "nginx-newest", os.Getenv("NGINX_NEWEST"), "the program of a newer nginx, measured beside the installed one; $NGINX_NEWEST")
	f.StringVar(&o.note, "note", "", "what to remember of this run, such as the commit")
	f.StringVar(&o.out, "out", "", "file to keep the raw results in, as JSON")
	f.StringVar(&o.write, "write", "", "document to fill in with the results in the files named")
	f.BoolVar(&o.show, "show", false, "print the tables of the results in the files named")
	f.StringVar(&o.profile, "profile", "", "file to keep where our proxy's time goes in, under the loads "+typical+" if none are named")
	o.part.flags(f)
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.files = f.Args()
	if o.rounds < 1 || o.rounds > 1000 || o.seconds < 1 || o.seconds > 3600 {
		return o, fmt.Errorf("-rounds is 1 to 1000 and -seconds 1 to 3600")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o, err := parse(args, log)
	switch {
	case err != nil:
		return err
	case o.part.named():
		return o.part.play(ctx, out)
	case o.profile != "":
		o.loads = cmp.Or(o.loads, typical)
		return keepProfile(ctx, o)
	case o.write != "":
		return fillIn(o.write, o.files)
	case o.show:
		r, err := readAll(o.files)
		if err != nil {
			return err
		}
		return show(out, r)
	}
	r, err := measure(ctx, o, log)
	if err != nil {
		return err
	}
	return show(out, r)
}

// each is how long one measurement lasts.
func (o options) each() time.Duration { return time.Duration(o.seconds) * time.Second }
