//go:build race

package main

// The race detector makes simulations ten times as slow, and finds in few lives
// what it finds in many.
func init() { scale = 10 }
