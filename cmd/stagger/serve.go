package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/stagger-dev/stagger/internal/app"
	"github.com/stagger-dev/stagger/internal/cli"
)

// farewell is how long a server has to finish what it is doing.
const farewell = 30 * time.Second

// serve runs a server until ctx ends.
func serve(ctx context.Context, o cli.ServeOptions) error {
	server, err := app.Read(o.Config)
	if err != nil {
		return err
	}
	log := logger(o)
	a := app.New(server, app.Options{Log: log, Version: version})
	if err := a.Start(ctx); err != nil {
		return err
	}
	log.Info("stagger serves", "dashboard", a.AdminURL(), "config", o.Config)
	reloadUntil(ctx, a, o.Config, log)
	log.Info("stagger stops")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	return a.Stop(ctx)
}

// reloadUntil takes the services of the file into use at each SIGHUP until ctx
// ends. A file with problems changes nothing.
func reloadUntil(ctx context.Context, a *app.App, file string, log *slog.Logger) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		server, err := app.Read(file)
		if err == nil {
			err = a.Reload(server)
		}
		if err != nil {
			log.Error("reload refused; the old services stay", "config", file, "error", err)
			continue
		}
		log.Info("reloaded", "config", file, "services", len(server.Services))
	}
}

func logger(o cli.ServeOptions) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.LogLevel}
	if o.LogJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
