package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/store"
)

// Start a rollout, pause it and read what happened.
func Example() {
	address, stop := exampleServer()
	defer stop()

	ctx := context.Background()
	c, err := client.New(address)
	if err != nil {
		log.Fatal(err)
	}
	rollout, err := c.Do(ctx, stagger.Command{
		Verb: stagger.VerbStart, Actor: "ada", Reason: "faster basket",
		Start: &stagger.Start{
			Service: "shop", Candidate: "v2", Change: stagger.Change{Commit: "4f2a91c"},
			Plan: stagger.Plan{
				Key: stagger.Key{Cookie: "user"},
				Stages: []stagger.Stage{
					{Name: "few", Weight: stagger.Percent(5), MinTime: 10 * time.Minute, MinSamples: 1000},
					{Name: "all", Weight: stagger.WeightFull, MinTime: time.Hour, MinSamples: 1000},
				},
				Guardrails: []stagger.Guardrail{{
					Signal: stagger.SignalErrors, Tolerance: 1.5, Floor: 0.0005, Healthy: 0.002, Alpha: 0.01,
					Action: stagger.ActionRollback,
				}},
				Bake: stagger.Bake{Time: time.Hour},
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Do(ctx, stagger.Command{
		Verb: stagger.VerbPause, Rollout: rollout.ID, Actor: "ada", Reason: "lunch",
	})
	if err != nil {
		log.Fatal(err)
	}
	history, err := c.History(ctx, rollout.ID)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range history {
		fmt.Printf("%s by %s: %s\n", e.Kind, e.Actor, e.Reason)
	}
	// Output:
	// created by ada: faster basket
	// paused by ada: lunch
}

// Follow a rollout until somebody pauses it. The function's own error ends the
// stream.
func ExampleClient_Stream() {
	address, stop := exampleServer()
	defer stop()

	ctx := context.Background()
	c, err := client.New(address)
	if err != nil {
		log.Fatal(err)
	}
	start := apitest.Start()
	rollout, err := c.Do(ctx, stagger.Command{Verb: stagger.VerbStart, Start: &start, Actor: "ada"})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Do(ctx, stagger.Command{Verb: stagger.VerbPause, Rollout: rollout.ID}); err != nil {
		log.Fatal(err)
	}
	errPaused := errors.New("paused")
	err = c.Stream(ctx, rollout.ID, "", func(m client.Message) error {
		if m.Event == nil {
			return nil
		}
		fmt.Println(m.ID, m.Event.Kind)
		if m.Event.Kind == stagger.EventPaused {
			return errPaused
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// 1 created
	// 2 paused
	// paused
}

// A refusal has a code for programs and a sentence for people.
func ExampleClient_Do_refused() {
	address, stop := exampleServer()
	defer stop()

	c, err := client.New(address)
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Do(context.Background(), stagger.Command{Verb: stagger.VerbPause, Rollout: "r7"})
	fmt.Println(stagger.CodeOf(err))
	fmt.Println(err)
	// Output:
	// not_found
	// there is no rollout r7
}

// exampleServer is a server with a service, for the examples only.
func exampleServer() (address string, stop func()) {
	folder, err := os.MkdirTemp("", "stagger-example-")
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	kept, err := store.Open(ctx, filepath.Join(folder, "stagger.db"), store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(apitest.Handler(kept))
	done := make(chan error, 1)
	go func() { done <- (&apitest.Server{Store: kept}).Run(ctx) }()
	return server.URL, func() {
		server.CloseClientConnections()
		server.Close()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			log.Print(err)
		}
		_ = kept.Close()         // nothing to keep
		_ = os.RemoveAll(folder) // as above
	}
}
