package main

import (
	"context"
	"fmt"
	"os"

	"github.com/stagger-dev/stagger/internal/cli"
	"github.com/stagger-dev/stagger/internal/demo"
)

// tell runs the demo.
func tell(ctx context.Context, o cli.DemoOptions) error {
	_, err := demo.Run(ctx, demo.Options{
		Scenario: o.Scenario, Rate: o.Rate, Seed: o.Seed, JSON: o.JSON, Plain: o.Plain, Colour: o.Colour, Out: o.Out, Version: version,
	})
	return err
}

func scenarios() []cli.Scenario {
	var list []cli.Scenario
	for _, s := range demo.Scenarios() {
		list = append(list, cli.Scenario{Name: s.Name, Summary: s.Summary})
	}
	return list
}

// backend is the hidden command by which the demo runs its backends.
func backend(ctx context.Context, args []string) int {
	if err := demo.ServeBackend(ctx, args, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "stagger: demo backend:", err)
		return 1
	}
	return 0
}
