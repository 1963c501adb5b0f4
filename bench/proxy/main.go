// Command proxy measures what a proxied request costs: ours over its own
// transport and over net/http, httputil.ReverseProxy, nginx and HAProxy. Every
// one is pinned to core 0 with one thread; the origin and wrk have core 1. The
// rounds are interleaved, and medians are told, as machines drift.
//
//	go run ./bench/proxy -rounds 5 -seconds 10 -out bench/proxy/results/today.json
//
// It wants Linux, two cores, taskset and wrk; peers that are not installed are
// left out and named.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/proxy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errors io.Writer) error {
	f := flag.NewFlagSet("proxy", flag.ContinueOnError)
	f.SetOutput(errors)
	rounds := f.Int("rounds", 3, "rounds, each of which measures every proxy once a load")
	seconds := f.Int("seconds", 5, "how long each measurement lasts")
	file := f.String("out", "", "file to keep the raw results in, as JSON")
	serve := f.String("serve", "", "be one of the servers that are measured")
	listen := f.String("listen", "", "where -serve listens")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *serve != "" {
		return serveAs(ctx, *serve, *listen)
	}
	if *rounds < 1 || *rounds > 1000 || *seconds < 1 || *seconds > 3600 {
		return fmt.Errorf("-rounds is 1 to 1000 and -seconds 1 to 3600")
	}
	results, err := measure(ctx, *rounds, time.Duration(*seconds)*time.Second, errors)
	if err != nil {
		return err
	}
	if *file != "" {
		raw, err := json.MarshalIndent(results, "", " ")
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(*file), 0o750); err != nil {
			return fmt.Errorf("keep results: %w", err)
		}
		if err := os.WriteFile(*file, append(raw, '\n'), 0o600); err != nil {
			return fmt.Errorf("keep results: %w", err)
		}
	}
	return show(out, results)
}
