package config

import "github.com/stagger-dev/stagger"

// Standard returns the plan of a rollout that says nothing about its own.
func Standard() stagger.Plan { return preset(standard) }
