// Package sequential holds tests that may be read at any time: e-values and
// e-processes, confidence sequences, and the recursions that compose them.
//
// An e-value is a nonnegative statistic whose expectation under the null
// hypothesis is at most 1; an e-process is one at every stopping time. By
// Ville's inequality the chance that it ever reaches 1/alpha under the null is
// at most alpha, however often and whenever one looks.
//
// All logarithms are natural. A tilt is the logarithm of an odds ratio (or of
// a ratio of weights) that an alternative bets on. Nothing here reads a clock,
// draws a number or keeps state beyond the values it returns.
package sequential
