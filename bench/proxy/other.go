//go:build !linux

package main

import (
	"context"
	"errors"
	"time"
)

var errLinux = errors.New("the bench runs on Linux alone")

func serveOrigin(context.Context, string) error { return errLinux }

func askAtRate(string, load, time.Duration) (answered, error) { return answered{}, errLinux }

func askAndIdle(context.Context, string, load, time.Duration) (answered, error) {
	return answered{}, errLinux
}

func openFiles() {}
