// Command stagger rolls out new versions of services in stages, judges them by
// evidence, and takes them back by itself. See 'stagger --help'.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/stagger-dev/stagger/internal/cli"
	"github.com/stagger-dev/stagger/internal/demo"
)

// version is set by the linker in releases.
var version = "devel"

func main() { os.Exit(run()) }

// run is main with an exit code. The first signal ends the command in order,
// the second at once.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if len(os.Args) > 1 && os.Args[1] == demo.BackendCommand {
		return backend(ctx, os.Args[2:])
	}
	return cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, cli.Faces{
		Serve: serve, Demo: tell, Version: version, Scenarios: scenarios(),
		DemoDefaults: cli.DemoOptions{Scenario: demo.DefaultScenario, Rate: demo.DefaultRate, Seed: 1},
	})
}
