package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/stagger-dev/stagger/internal/app"
	"github.com/stagger-dev/stagger/internal/cli"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/handover"
	"github.com/stagger-dev/stagger/internal/listen"
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
	o.Program = program()
	a, err := begin(ctx, server, log)
	if err != nil {
		return err
	}
	log.Info("stagger serves", "dashboard", a.AdminURL(), "config", o.Config)
	if next := obeyUntil(ctx, a, o, log); next != nil {
		return leave(ctx, a, next, o, log)
	}
	log.Info("stagger stops")
	told(log, handover.Notify(handover.ServiceStops))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	return a.Stop(ctx)
}

// begin starts a server: in the place of another process, if that started this
// one, with what systemd hands over, or by itself.
func begin(ctx context.Context, server config.Server, log *slog.Logger) (*app.App, error) {
	sockets, err := listen.Activated()
	if err != nil {
		return nil, err
	}
	before, err := handover.Before(sockets)
	if err != nil {
		return nil, err
	}
	options := app.Options{Log: log, Version: version, Sockets: sockets}
	if before == nil {
		a := app.New(server, options)
		if err := a.Start(ctx); err != nil {
			return nil, err
		}
		told(log, handover.Notify(handover.ServiceReady))
		return a, nil
	}
	a, err := inherit(ctx, before, server, options)
	if err != nil {
		before.Failed(err)
		return nil, err
	}
	told(log, handover.Notify(fmt.Sprintf("MAINPID=%d\n%s", os.Getpid(), handover.ServiceReady)))
	return a, nil
}

// inherit takes the place of the process before. It binds what it can before
// that process lets go, so that it need not be long without anybody who decides.
func inherit(ctx context.Context, before *handover.Predecessor, server config.Server, options app.Options) (*app.App, error) {
	options.Tell = before.Tell
	a := app.New(server, options)
	if err := a.Bind(ctx); err != nil {
		return nil, err
	}
	splits, err := before.Prepared(ctx)
	if err != nil {
		return nil, err
	}
	a.Adopt(splits)
	if err := a.Start(ctx); err != nil {
		return nil, err
	}
	return a, before.Ready()
}

// leave ends a server whose place another process has taken.
func leave(ctx context.Context, a *app.App, next *handover.Successor, o cli.ServeOptions, log *slog.Logger) error {
	log.Info("another process serves; this one serves the connections it has to their end", "pid", next.PID(), "most", o.Linger.String())
	err := a.Leave(ctx, next, o.Linger)
	log.Info("stagger has handed over and ends")
	return err
}

// obeyUntil does what signals ask for until ctx ends. SIGHUP takes the services
// of the file into use; a file with problems changes nothing. SIGUSR2 starts
// whatever program is installed now in the place of this one, and returns it
// once it serves.
func obeyUntil(ctx context.Context, a *app.App, o cli.ServeOptions, log *slog.Logger) *handover.Successor {
	hangup, over := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	if len(handover.Signals) > 0 {
		signal.Notify(over, handover.Signals...)
		defer signal.Stop(over)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			reload(a, o.Config, log)
		case <-over:
			next, err := a.HandOver(ctx, o.Program, os.Args[1:])
			if err == nil {
				return next
			}
			log.Error("no other process takes over; this one goes on", "program", o.Program, "error", err)
		}
	}
}

func reload(a *app.App, file string, log *slog.Logger) {
	server, err := app.Read(file)
	if err == nil {
		err = a.Reload(server)
	}
	if err != nil {
		log.Error("reload refused; the old services stay", "config", file, "error", err)
		return
	}
	log.Info("reloaded", "config", file, "services", len(server.Services))
}

// told logs that systemd could not be told something; nothing depends on it.
func told(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("systemd could not be told", "error", err)
	}
}

// program returns the path by which this process was called, made absolute, so
// that what is installed there later can be started.
func program() string {
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		path, _ = os.Executable()
	}
	return path
}

func logger(o cli.ServeOptions) *slog.Logger {
	options := &slog.HandlerOptions{Level: o.LogLevel}
	if o.LogJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
