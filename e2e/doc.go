// Package e2e proves the program as people use it: the built binary, two YAML
// files and the command line, in front of real nginx servers and under traffic
// from wrk. What really reached a version is read from nginx's access logs, not
// from what stagger says about itself.
package e2e
