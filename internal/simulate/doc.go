// Package simulate measures the judge on traffic that never was: how often it
// alarms when both versions are alike, and how soon when one is worse.
//
// A Model says how two versions answer over time, Traffic draws ticks from it,
// and a Trial lets the judge watch many such lives, each with a seed of its own
// and all of them the same on every machine. Nothing here reads a clock or
// touches the world; a simulated hour takes a fraction of a second, because
// counts are drawn by bucket, not request by request.
//
// It simulates evidence, no more. Whole lives of a service, with a controller,
// a journal and faults, are the business of internal/sim, which supports tests
// and is not part of the program.
package simulate
