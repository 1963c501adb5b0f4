// Package judge weighs observations against guardrails, continuously.
//
// Every batch of requests that started together is one two-by-two table per
// signal and route: candidate or baseline, outcome or not. Conditioned on its
// margins it yields an exact e-value, whatever the split, the load or the hour;
// the products over time are processes that may be looked at as often as one
// likes. Latency is the same question asked at quantiles of the baseline's own
// past.
//
// Three answers have three thresholds: suspicion holds the ramp, a catastrophe
// sheds traffic within about a second, and proof beyond any allowed blip rolls
// back. What is guaranteed: a candidate that is no worse than tolerated,
// outside blips of at most two five-second blocks, is rolled back with
// probability at most alpha over its whole rollout, given that requests fail
// independently of each other within a batch.
//
// The package reads no clock and keeps everything in a state that can be
// written down and taken up again.
//
// Where to find what:
//
//   - what comes in: collect (a tick into a batch), batch, routes, sanity, usual
//     (what the baseline used to do)
//   - the questions: slot (failures, goodput, latency), senders (retries), metric
//     and gauge (counts and levels), shadow (mirrored requests), shed (catastrophe), split (who arrives)
//   - the evidence: bank, clock (blocks and starting mass), weights, plain
//   - how far requests depend on each other: dispersion, hosts, rung; placebo and
//     wheel, which try it out
//   - the answers: suspicion, wanting, past (harm to both), verdict, sentence,
//     phrase, attribution, ledger, path, glance
//   - for people only: totals, tally, curve, share
//   - after the rollout: watch
package judge
