// Package preview answers what a plan would see before anybody is exposed to it:
// it reads a rollout file, finds out how the service does now, and forecasts all
// stages, by formula at once or by simulation. The command line, the API and the
// dashboard ask it, and so tell the same.
package preview
