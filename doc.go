// Package stagger holds the words of progressive delivery: services and their
// versions, plans and their stages, the weight and the split of traffic, what
// is observed, what is judged and what happened.
//
// Everything else in this module imports it; it imports nothing of the module,
// does no I/O and reads no clock.
package stagger
